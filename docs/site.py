#!/usr/bin/env python3
"""Builds the pages into a site, target/site, with mkdocs. The order of pages is that of SUMMARY.md.

The site is made from a copy in which each page and all that it links to have their places of here, so that every link holds.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STAGE, SITE = ROOT / "target/pages", ROOT / "target/site"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(text):
    """A page without its code, in which brackets are no links."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]+`", "", text)


def links(page):
    """The links of a page to files: (path, anchor), the path absolute."""
    for target in LINK.findall(prose(page.read_text())):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page):
    """The names of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def reached(start):
    """All files that the pages link to, directly or not."""
    found, left = set(), [start]
    while left:
        file = left.pop()
        if file in found or file.is_dir():
            continue
        found.add(file)
        if file.suffix == ".md":
            left += [path for path, _ in links(file)]
    return found


def summary():
    """[depth, title, file] of each line of SUMMARY.md."""
    lines = re.findall(r"^( *)(?:- )?\[(.+)\]\((.+)\)$", (ROOT / "docs/SUMMARY.md").read_text(), re.M)
    return [(len(space) // 2, title, file) for space, title, file in lines]


def navigation(entries):
    """The nested lists of mkdocs.yml."""
    nav, at = [{"Home": "README.md"}], 0
    while at < len(entries):
        depth, title, file = entries[at]
        at += 1
        below = []
        while at < len(entries) and entries[at][0] > depth:
            below.append({entries[at][1]: "docs/" + entries[at][2]})
            at += 1
        nav.append({title: ["docs/" + file, *below] if below else "docs/" + file})
    return nav


def main():
    shutil.rmtree(STAGE, ignore_errors=True)
    for file in reached(ROOT / "README.md") | reached(ROOT / "docs/SUMMARY.md"):
        copy = STAGE / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    config = {
        "site_name": "vset",
        "docs_dir": str(STAGE),
        "site_dir": str(SITE),
        "use_directory_urls": False,
        "theme": {"name": "material", "font": False, "features": ["navigation.indexes", "content.code.copy"]},
        "markdown_extensions": ["tables", "pymdownx.superfences"],
        "exclude_docs": "SUMMARY.md\n*.py\n",
        "validation": {"omitted_files": "ignore", "unrecognized_links": "ignore", "absolute_links": "ignore"},
        "nav": navigation(summary()),
    }
    file = STAGE.parent / "mkdocs.yml"
    file.write_text(json.dumps(config))
    sys.exit(subprocess.run([sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--quiet", "--config-file", file]).returncode)


if __name__ == "__main__":
    main()
