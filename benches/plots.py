"""The pictures of a run of server.py."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {"ours": "tab:blue", "peer": "tab:orange"}


def draw(result, folder, stem):
    """One picture for each part that has something to show."""
    for part, picture in (("query", query), ("throughput", throughput), ("filtered", filtered), ("mixed", mixed)):
        if part in result:
            figure = picture(result[part])
            figure.suptitle(f"{part}: {result['elements']:,} elements, {result['machine']['cpu']}", fontsize=10)
            figure.tight_layout()
            figure.savefig(folder / f"{stem}-{part}.png", dpi=110)
            plt.close(figure)


def axes(count):
    figure, found = plt.subplots(1, count, figsize=(5 * count, 3.8), squeeze=False)
    for each in found[0]:
        each.grid(alpha=0.3)
    return figure, found[0]


def query(result):
    figure, (axis,) = axes(1)
    for name, colour in COLOURS.items():
        curve = result[name]
        axis.plot(curve["recall"], [t * 1e6 for t in curve["median"]], "o-", color=colour, label=f"{name}, median")
        axis.plot(curve["recall"], [t * 1e6 for t in curve["p99"]], ":", color=colour, label=f"{name}, p99")
    axis.set(xlabel="recall@10 (EF 10 to 400)", ylabel="VSIM, µs", yscale="log")
    axis.legend()
    return figure


def throughput(result):
    figure, (axis,) = axes(1)
    for i, (name, colour) in enumerate(COLOURS.items()):
        rates = result[name]
        bars = axis.bar([x + 0.4 * i for x in range(len(rates))], [r["per_second"] for r in rates.values()], 0.38)
        axis.bar_label(bars, fmt="{:,.0f}", fontsize=8)
        for bar in bars:
            bar.set_color(colour)
        bars.set_label(f"{name}, EF {result['ef'][name]}")
    axis.set_xticks([x + 0.2 for x in range(len(rates))], [f"{n} clients" for n in rates])
    axis.set(ylabel=f"VSIM a second at recall {result['recall']:.3f}")
    axis.legend()
    return figure


def filtered(cases):
    figure, (recall, latency) = axes(2)
    cases = [case for case in cases if case["random"]]
    shares = [case["share"] for case in cases]
    for name, colour in COLOURS.items():
        recall.plot(shares, [case[name]["recall"] for case in cases], "o-", color=colour, label=name)
        for measure, line in (("median", "o-"), ("p99", ":")):
            times = [case[name][measure] * 1e6 for case in cases]
            latency.plot(shares, times, line, color=colour, label=f"{name}, {measure}")
    for axis in (recall, latency):
        axis.set(xscale="log", xlabel="part of the elements that match")
        axis.invert_xaxis()
        axis.legend()
    recall.set(ylabel="recall@10", ylim=(0, 1.03))
    latency.set(ylabel="VSIM FILTER, µs", yscale="log")
    return figure


def mixed(result):
    figure, found = axes(4)
    labels = ("VADD a second", "VSIM median, ms", "VSIM p99, ms", "PING p99, ms")
    for i, (axis, label) in enumerate(zip(found, labels)):
        for name, colour in COLOURS.items():
            values = [one[name][i] * (1 if i == 0 else 1e3) for one in result.values()]
            axis.plot(list(result), values, "o-", color=colour, label=name)
        axis.set(xlabel="inserting clients", ylabel=label, yscale="log")
        axis.legend()
    return figure
