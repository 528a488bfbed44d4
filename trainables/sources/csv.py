"""A table of image names and classes, and the folder that holds the images."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spaces.config.trial import CsvData
from spaces.problem import Problem, did_you_mean
from trainables.sources.files import file_part, relative
from trainables.sources.image import SUFFIXES, is_hidden, is_image_name
from trainables.sources.location import existing
from trainables.sources.part import Parts, first_few, problem, refusal

LABELS = ("trial", "data", "labels")
ID_COLUMN = ("trial", "data", "id_column")
LABEL_COLUMN = ("trial", "data", "label_column")
EXTENSION = ("trial", "data", "extension")
USUAL_LABEL_COLUMN = "label"


@dataclass(frozen=True)
class Table:
    """What a table holds, as text without blanks at its ends."""

    columns: tuple[str, ...]
    rows: Mapping[int, tuple[str, ...]]
    """By line number in the file, from 2."""

    def column(self, name: str) -> dict[int, str]:
        """The cells of a column, by line number."""
        at = self.columns.index(name)
        return {line: row[at] for line, row in self.rows.items()}


def csv_parts(data: CsvData) -> Parts:
    """One part, which we divide: every row an image, every image a row. No image is opened before it is wanted.

    Raises:
        InputError: table or folder are missing or do not fit each other; all mistakes together.
    """
    path, root = existing(data.labels, folder=False, where=LABELS), existing(data.path, folder=True)
    table = read_table(path)
    ids, labels = (table.column(name) for name in columns_of(data, table.columns))
    images = image_files(root, ending_of(data))
    usual = endings(images)
    found = {line: matches(name, images, usual) for line, name in ids.items()}
    mistakes = [*cell_mistakes(ids, labels), *pair_mistakes(ids, found, images)]
    if mistakes:
        raise refusal(data.labels, *mistakes)
    names = tuple(sorted(set(labels.values())))
    numbers = {name: number for number, name in enumerate(names)}
    by_name = sorted((images[found[line][0]], numbers[label]) for line, label in labels.items())
    classes = np.asarray([number for _, number in by_name], dtype=np.int64)
    part = file_part([path for path, _ in by_name], classes, root=root, size_px=data.image_size)
    return Parts(train=part, class_names=names)


def read_table(path: Path) -> Table:
    """A comma-separated file with a header; blank lines count as none.

    Raises:
        InputError: it is no such file, its header names a column twice, or rows are longer or shorter than it.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = dict((reader.line_num, tuple(cell.strip() for cell in row)) for row in reader if row)  # noqa: C402
    except (UnicodeDecodeError, csv.Error) as error:
        cure = "save it as a comma-separated file in UTF-8"
        raise refusal(
            str(path), problem("the table can be read", given=str(error), remedy=cure, where=LABELS)
        ) from error
    header, *others = lines.items() if lines else [(1, ())]
    columns, rows = header[1], dict(others)
    twice = [name for name, count in Counter(columns).items() if count > 1]
    odd = [f"line {line} has {len(row)}" for line, row in rows.items() if len(row) != len(columns)]
    if twice:
        cure = "rename one of the two"
        raise refusal(
            str(path), problem("no two columns are called alike", given=first_few(twice), remedy=cure, where=LABELS)
        )
    if odd:
        rule, cure = f"every row has {len(columns)} cells, as the header has", "put text that holds a comma in quotes"
        raise refusal(str(path), problem(rule, given=first_few(odd), remedy=cure, where=LABELS))
    return Table(columns, rows)


def columns_of(data: CsvData, columns: tuple[str, ...]) -> tuple[str, str]:
    """The columns of the ids and of the labels.

    Raises:
        InputError: one is missing, or several might be that of the labels.
    """
    told = ", ".join(columns) or "no columns"
    if data.id_column not in columns:
        cure = f"{did_you_mean(data.id_column, columns)}; write id_column: NAME" if columns else "name another file"
        rule = f"the table has a column {data.id_column}, which names the images"
        raise refusal(data.labels, problem(rule, given=told, remedy=cure, where=ID_COLUMN))
    others = [name for name in columns if name != data.id_column]
    if data.label_column in others:
        return data.id_column, data.label_column
    if data.label_column is None and (len(others) == 1 or USUAL_LABEL_COLUMN in others):
        return data.id_column, others[0] if len(others) == 1 else USUAL_LABEL_COLUMN
    wanted = data.label_column or USUAL_LABEL_COLUMN
    rule = f"the table has a column {wanted}, which holds the classes"
    cure = f"{did_you_mean(wanted, others)}; write label_column: NAME" if others else "add a column of classes"
    raise refusal(data.labels, problem(rule, given=told, remedy=cure, where=LABEL_COLUMN))


def ending_of(data: CsvData) -> str | None:
    """The ending that images must have, with its dot, or None.

    Raises:
        InputError: it is none of an image.
    """
    if data.extension is None:
        return None
    ending = "." + data.extension.lower().removeprefix(".")
    if ending not in SUFFIXES:
        rule = f"the extension is one of {', '.join(SUFFIXES)}"
        raise refusal(data.labels, problem(rule, given=data.extension, remedy="choose one of these", where=EXTENSION))
    return ending


def image_files(root: Path, ending: str | None) -> dict[str, Path]:
    """The images below a folder, by their names from there; those with another ending, where one is given, left out."""
    paths = (path for path in root.rglob("*") if is_image_name(path) and path.is_file())
    seen = [path for path in paths if not any(is_hidden(Path(name)) for name in path.relative_to(root).parts)]
    chosen = sorted(path for path in seen if ending in (None, path.suffix.lower()))
    return dict(zip(relative(chosen, root), chosen, strict=True))


def matches(name: str, images: Mapping[str, Path], endings: Sequence[str]) -> list[str]:
    """The images that an id may mean: the one of that very name, else those that only have an ending more."""
    if name in images:
        return [name]
    return [name + ending for ending in endings if name + ending in images]


def endings(images: Mapping[str, Path]) -> list[str]:
    """The endings that the images have, as they are written."""
    return sorted({path.suffix for path in images.values()})


def cell_mistakes(ids: Mapping[int, str], labels: Mapping[int, str]) -> Iterator[Problem]:
    """Empty cells, ids that come twice, and fewer than two classes."""
    blank = [f"line {line}" for line, name in ids.items() if not name]
    if blank:
        yield problem("every row has an id", given=first_few(blank), remedy="fill it in or remove it", where=LABELS)
    empty = [ids[line] or f"line {line}" for line, label in labels.items() if not label]
    if empty:
        yield problem("every row has a label", given=first_few(empty), remedy="fill it in or remove it", where=LABELS)
    twice = [f"{name} ({count} times)" for name, count in Counter(ids.values()).items() if name and count > 1]
    if twice:
        yield problem("every id comes once", given=first_few(twice), remedy="keep one row of each", where=LABELS)
    known = set(labels.values()) - {""}
    if len(known) < 2:
        given, cure = ", ".join(known) or "none", "add rows of another class, or mend label_column"
        yield problem("there are at least two classes", given=given, remedy=cure, where=LABELS)


def pair_mistakes(
    ids: Mapping[int, str], found: Mapping[int, Sequence[str]], images: Mapping[str, Path]
) -> Iterator[Problem]:
    """Rows without an image, or with several; images without a row, or with two that write its name differently."""
    lost = [ids[line] for line, names in found.items() if not names and ids[line]]
    if lost:
        cure = f"add the images (named {', '.join('*' + each for each in SUFFIXES)}), remove the rows, or mend path"
        yield problem("every id has an image", given=first_few(lost), remedy=cure, where=LABELS)
    several = [f"{ids[line]} ({', '.join(names)})" for line, names in found.items() if len(names) > 1]
    if several:
        cure = "write extension: jpg, or whichever is meant"
        yield problem("every id has one image", given=first_few(several), remedy=cure, where=EXTENSION)
    uses = Counter(name for names in found.values() for name in names)
    orphans = [name for name in images if name not in uses]
    if orphans:
        cure = "add rows for them or move them out of the folder"
        yield problem("every image has a row in the table", given=first_few(orphans), remedy=cure)
    spelled = {ids[line] for line in ids}
    shared = [
        name for name, count in uses.items() if count > 1 and len(spelled & {name, str(Path(name).with_suffix(""))}) > 1
    ]
    if shared:
        yield problem("every image has one row", given=first_few(shared), remedy="keep one row of each", where=LABELS)
