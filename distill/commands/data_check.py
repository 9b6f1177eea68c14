"""distill-data check: what a set holds, and what looks wrong with it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from distill.commands.data_edit import splits_at
from distill.data.annotations import AnnotatedSplit
from distill.data.checking import pictures, suspicions
from distill.data.checking.inventory import inventory
from distill.data.formats.registry import format_of, read_split
from distill.data.keypoint_set import OWN_SKELETON
from distill.data.reading.findings import Findings, is_fault
from distill.data.source import AUTO
from distill.pose.skeleton import get_skeleton
from distill.system.errors import InputError
from distill.system.files import write_atomically


@dataclass(frozen=True)
class CheckConfig:
    """Say what a set holds and what looks wrong with it; exit code 1 for the latter with --strict alone."""

    root: Path
    "Folder of the set in any known layout, or a file of annotations beside its photographs."
    split: str | None = None
    "Split to check; all by default."
    format: str = AUTO
    "Kind of data set; auto finds it by what lies there."
    skeleton: str = OWN_SKELETON
    "Its joints: auto for those that the set names, a skeleton that ships, or a YAML file."
    out: Path | None = None
    "JSON to write: the same figures and findings."
    decode: bool = True
    "Read the pixels of every photograph; false looks at headers and contents of the files only."
    strict: bool = False
    "End with exit code 1 if anything looks wrong."


def check(config: CheckConfig):
    """Read all splits, print what was found, and write it.

    Raises:
        InputError: there is no set at all; or with `strict` anything looks wrong.
    """
    skeleton = None if config.skeleton == OWN_SKELETON else get_skeleton(config.skeleton)
    splits, report = {}, {}
    for source in splits_at(config.root, config.split, config.format):
        name = source.split or "all"
        try:
            split = splits[name] = read_split(source, skeleton)
        except InputError as error:
            report[name] = {"refused": str(error), "notes": [], "looks_wrong": [str(error)]}
            continue
        findings = Findings(split.annotation_file)
        suspicions.look(split, findings)
        told = [line for line in split.notes if is_fault(line)]
        report[name] = {"format": format_of(source), "annotations": str(split.annotation_file), **inventory(split)}
        report[name] |= {"notes": list(split.notes), "looks_wrong": [*told, *findings.lines()]}
    of_pictures = _look_at_pictures(splits, config)
    wrong = of_pictures + [line for each in report.values() for line in each["looks_wrong"]]
    _print(report, of_pictures)
    if config.out is not None:
        content = {"root": str(config.root), "splits": report, "photographs_look_wrong": of_pictures}
        write_atomically(config.out, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    if config.strict and wrong:
        raise InputError(f"{config.root}: {len(wrong)} kinds of things look wrong, first: {wrong[0]}")


def _look_at_pictures(splits: Mapping[str, AnnotatedSplit], config: CheckConfig) -> list[str]:
    columns = (TextColumn("photographs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    findings = Findings(config.root)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("", total=sum(len(split.image_ids) for split in splits.values()))
        read = {
            name: pictures.read_pictures(split, os.cpu_count() or 1, config.decode, lambda: bar.advance(task))
            for name, split in splits.items()
        }
    pictures.look(read, findings)
    return findings.lines()


def _print(report: Mapping[str, Mapping[str, Any]], of_pictures: list[str]):
    console = Console(soft_wrap=True)
    for name, found in report.items():
        if "refused" not in found:
            console.print(_table(name, found), _joints(found), sep="\n")
        for line in found["notes"]:
            if line not in found["looks_wrong"]:
                console.print(f"{name}: note: {line}", markup=False, highlight=False)
        for line in found["looks_wrong"]:
            console.print(f"{name}: looks wrong: {line}", markup=False, highlight=False)
    for line in of_pictures:
        console.print(f"looks wrong: {line}", markup=False, highlight=False)
    if not (of_pictures or any(found["looks_wrong"] for found in report.values())):
        print("nothing looks wrong")


def _table(name: str, found: Mapping[str, Any]) -> Table:
    table = Table("", Column(name, overflow="fold"))
    photographs, persons = found["photographs"], found["persons"]
    table.add_row("format", found["format"])
    table.add_row("annotations", found["annotations"])
    table.add_row(
        "categories", ", ".join(f"{count} {each}" for each, count in found["categories"].items()) or "persons"
    )
    table.add_row("joints", f"{len(found['joints'])}, skeleton {found['skeleton']}")
    for key in ("all", "annotated", "annotated_without_labelled_persons"):
        table.add_row("photographs" if key == "all" else f"  {key.replace('_', ' ')}", str(photographs[key]))
    sizes = [" x ".join(map(str, photographs[key])) for key in ("smallest", "median", "largest")]
    table.add_row("  smallest, median, largest", ", ".join(sizes))
    for key, value in persons.items():
        label = "persons with joints" if key == "labelled" else f"  {key.replace('_', ' ')}"
        table.add_row(label, "-" if value is None else str(value))
    return table


def _joints(found: Mapping[str, Any]) -> Table:
    table = Table("joint", "unlabelled", "hidden", "visible")
    for joint, counts in found["joints"].items():
        table.add_row(joint, *map(str, counts.values()))
    return table
