"""What is left of a campaign file's tree without the values that are wrong.

So that one pass over a faulty file also tells which of its lists, templates and pictures are missing.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmsflow.campaign.yaml_tree import Path, Place, Tree, Value

# The only keys that name other files; everything else is stood in for.
_NAMING = ("recipients", "exclude", "consent", "message", "variants")


def naming_part(tree: Tree, stand_ins: Tree) -> Tree:
    """A tree of the blocks that name other files, beside stand-ins for all that a campaign must have."""
    assert isinstance(tree.value, dict)
    assert isinstance(stand_ins.value, dict)
    kept = {key: tree.value[key] for key in _NAMING if tree.value.get(key) is not None}
    return Tree(stand_ins.value | kept, tree.values, tree.keys)


def without(tree: Tree, faulty: Iterable[Path], stand_ins: Tree) -> Tree:
    """The tree without the values at these paths; what a campaign must have is stood in for.

    A path that leads nowhere (a key that is missing) takes along the block that lacks it. The places of list items
    behind one that is dropped move with them.
    """
    dropped = {_existing(tree.value, path) for path in faulty} - {()}
    # From the back, so that an index still means the same item when its turn comes.
    for path in sorted(dropped, key=lambda path: [(isinstance(step, str), step) for step in path], reverse=True):
        tree = _drop(tree, path)
    assert isinstance(tree.value, dict)
    assert isinstance(stand_ins.value, dict)
    return Tree(stand_ins.value | tree.value, tree.values, tree.keys)


def _existing(value: Value, path: Path) -> Path:
    for depth, step in enumerate(path):
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return path[:depth]
    return path


def _drop(tree: Tree, path: Path) -> Tree:
    return Tree(_dropped(tree.value, path), _moved(tree.values, path), _moved(tree.keys, path))


def _dropped(value: Value, path: Path) -> Value:
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        inner = {key: _dropped(item, rest) if rest and key == step else item for key, item in value.items()}
        return inner if rest else {key: item for key, item in inner.items() if key != step}
    if isinstance(value, list):
        if not rest:
            return [item for index, item in enumerate(value) if index != step]
        return [_dropped(item, rest) if index == step else item for index, item in enumerate(value)]
    return value


def _moved(places: dict[Path, Place], dropped: Path) -> dict[Path, Place]:
    """The places after a list item was dropped; those of keys stay as they are."""
    *parent, last = dropped
    if not isinstance(last, int):
        return places
    depth, before = len(parent), tuple(parent)
    moved: dict[Path, Place] = {}
    for path, place in places.items():
        step = path[depth] if len(path) > depth and path[:depth] == before else None
        if isinstance(step, int) and step >= last:
            if step > last:
                moved[(*path[:depth], step - 1, *path[depth + 1 :])] = place
        else:
            moved[path] = place
    return moved
