"""Plots of the benchmarks."""

import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from report import at_recall

MISSED = [0.8, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001]
COLOURS = {"ours": "tab:blue", "peer": "tab:orange"}
NAMES = {"ours": "vset", "peer": "Redis 8"}


def draw_server(result, stem):
    """One picture for each part that has something to show."""
    parts = {"query": query, "throughput": throughput, "filtered": filtered, "mixed": mixed, "dims": dims}
    for part, picture in parts.items():
        if part in result:
            elements = result["machine"]["options"]["dims_elements"] if part == "dims" else result["elements"]
            title = f"{part}: {elements:,} elements, {result['machine']['cpu']}"
            save(picture(result[part]), title, f"{stem}-{part}.png")


def save(figure, title, path):
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def axes(count):
    figure, found = plt.subplots(1, count, figsize=(5 * count, 3.8), squeeze=False)
    for each in found[0]:
        each.grid(alpha=0.3)
    return figure, found[0]


def missed(curve):
    return [max(1 - recall, 5e-4) for recall in curve["recall"]]


def show_missed(axis):
    """What is not found, by a logarithm: near full recall is where curves part."""
    axis.set(xlabel="recall@10 (EF 10 to 400)", xscale="log")
    shown = axis.get_xlim()
    axis.set_xticks(MISSED, [f"{1 - m:g}" for m in MISSED])
    axis.tick_params(axis="x", labelsize=7)
    axis.minorticks_off()
    axis.set_xlim(shown[1], shown[0])


def query(result):
    figure, found = axes(len(result))
    for axis, (quant, curves) in zip(found, result.items()):
        for name, colour in COLOURS.items():
            curve = curves[name]
            for measure, line in (("median", "o-"), ("p99", ":")):
                times = [t * 1e6 for t in curve[measure]]
                axis.plot(missed(curve), times, line, color=colour, label=f"{NAMES[name]}, {measure}")
        show_missed(axis)
        axis.set(ylabel=f"VSIM {quant}, µs", yscale="log")
        axis.legend()
    return figure


def throughput(result):
    figure, found = axes(len(result))
    for axis, (quant, measured) in zip(found, result.items()):
        for i, (name, colour) in enumerate(COLOURS.items()):
            rates = measured[name]
            label = f"{NAMES[name]}, EF {measured['ef'][name]}"
            heights = [r["per_second"] for r in rates.values()]
            bars = axis.bar([x + 0.4 * i for x in range(len(rates))], heights, 0.38, color=colour, label=label)
            axis.bar_label(bars, fmt="{:,.0f}", fontsize=8)
        axis.set_xticks([x + 0.2 for x in range(len(rates))], [f"clients: {n}" for n in rates])
        axis.margins(y=0.25)
        axis.set(ylabel=f"VSIM {quant} a second at recall {measured['recall']:.3f}")
        axis.legend()
    return figure


def filtered(cases):
    figure, (recall, latency) = axes(2)
    for kind, line in (("recurring", "o-"), ("fresh", "s--")):
        chosen = [case for case in cases if case["kind"] == kind and case["ours"]["recall"] is not None]
        shares = [case["share"] for case in chosen]
        for name, colour in COLOURS.items():
            label = f"{NAMES[name]}, {kind} filters"
            recall.plot(shares, [case[name]["recall"] for case in chosen], line, color=colour, label=label)
            latency.plot(shares, [case[name]["median"] * 1e6 for case in chosen], line, color=colour, label=label)
    for axis in (recall, latency):
        axis.set(xscale="log", xlabel="part of the elements that match")
        axis.invert_xaxis()
    recall.legend()
    recall.set(ylabel="recall@10", ylim=(0, 1.03))
    latency.set(ylabel="VSIM FILTER, median, µs", yscale="log")
    return figure


def mixed(cases):
    measures = ("VSIM a second", "VADD a second", "PING p99")
    figure, found = axes(len(measures))
    loads = {load: line for load, line in zip(("VSIM", "VADD", "VSIM and VADD"), ("o-", "s-", "^--"))}
    for axis, measure in zip(found, measures):
        for load, line in loads.items():
            chosen = [case for case in cases if case["load"] == load and measure in case["ours"]]
            for name, colour in COLOURS.items() if chosen else ():
                values = [case[name][measure] * (1e3 if measure == "PING p99" else 1) for case in chosen]
                axis.plot([case["clients"] for case in chosen], values, line, color=colour, label=f"{NAMES[name]}: {load}")
        axis.set(xlabel="clients of each kind", ylabel=measure.replace("p99", "p99, ms"), yscale="log")
        axis.legend(fontsize=7)
    return figure


def dims(result):
    measures = (("inserts", "VADD a second", 1), ("bytes", "bytes an element", 1), ("median", "VSIM EF 100, µs", 1e6))
    figure, found = axes(len(measures))
    for axis, (measure, label, scale) in zip(found, measures):
        for name, colour in COLOURS.items():
            values = [one[name][measure] * scale for one in result.values()]
            axis.plot(list(result), values, "o-", color=colour, label=NAMES[name])
        axis.set(xlabel="dimensions", ylabel=label, xscale="log", yscale="log")
        axis.legend()
    return figure


def draw_core(result, stem):
    figure, found = axes(len(result["runs"]))
    for axis, (name, run) in zip(found, result["runs"].items()):
        for contender, curve in run["curves"].items():
            line = "o-" if contender.startswith("vset") else ".--"
            axis.plot(missed(curve), curve["mean"], line, label=contender)
        show_missed(axis)
        axis.set(ylabel="µs a query", yscale="log")
        axis.set_title(f"{run['elements']:,} {name}, {run['dims']} dimensions", fontsize=9)
        axis.legend(fontsize=7)
    save(figure, f"in-process, one thread, {result['machine']['cpu']}", f"{stem}.png")


def draw_scale(result, stem, recall=0.95, ef=100):
    """Latency at equal recall and at equal EF, vectors compared, build rate, over the number of elements."""
    figure, found = axes(4)
    titles = (f"µs at recall {recall}", f"µs at EF {ef}", f"vectors compared at recall {recall}", "builds a second")
    kinds = {(name, run["data"]) for run in result["runs"] for name in run["curves"]}
    for kind in sorted(kinds):
        runs = sorted((r for r in result["runs"] if r["data"] == kind[1]), key=lambda r: r["elements"])
        points = [(r["elements"], r["curves"][kind[0]]) for r in runs if kind[0] in r["curves"]]
        measures = (
            lambda c: at_recall(c, recall, "mean"),
            lambda c: c["mean"][c["ef"].index(ef)],
            lambda c: at_recall(c, recall, "evaluated") if "evaluated" in c else None,
            lambda c: c["build"],
        )
        for i, (axis, measure) in enumerate(zip(found, measures)):
            shown = [(n, value) for n, c in points if (value := measure(c))]
            if not shown:
                continue
            [line] = axis.plot(*zip(*shown), "o-", label=", ".join(kind))
            if i < 3:
                n, first = shown[0]
                growth = [(m, first * math.log(m) / math.log(n)) for m, _ in shown]
                axis.plot(*zip(*growth), "--", color=line.get_color(), alpha=0.6)
    for axis, title in zip(found, titles):
        axis.set(xlabel="elements (dashed: c · log n)", ylabel=title, xscale="log", ylim=0)
        sizes = sorted({run["elements"] for run in result["runs"]})
        axis.set_xticks(sizes, [f"{n // 1000} k" for n in sizes], fontsize=7)
        axis.minorticks_off()
        if axis.lines:
            axis.legend(fontsize=7)
    save(figure, f"growth, in-process, one thread, {result['machine']['cpu']}", f"{stem}.png")
