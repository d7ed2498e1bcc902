"""TMDL, read as far as the semantic model uses it: objects, their properties, descriptions and expressions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_KINDS = "model|database|table|column|measure|partition|relationship|expression|annotation|ref table"
_OBJECT = re.compile(rf"(?P<kind>{_KINDS})(?: (?P<name>'(?:[^']|'')+'|[^\s=']+))?(?:(?P<is> =)\s*(?P<value>.*))?")
_PROPERTY = re.compile(r"(?P<name>\w+)(?:: (?P<value>.+)|(?P<is> =)\s*(?P<expression>.*))?")


@dataclass(slots=True)
class Node:
    """An object of the model: `value` is what follows its equals sign, and properties without a value are "true"."""

    kind: str
    name: str
    description: str = ""
    value: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, "Node"]:
        """Return the children of one kind by name."""
        return {child.name: child for child in self.children if child.kind == kind}


def read_model(folder: Path) -> Node:
    """Read all files of a model's definition folder as the children of one node; raises ValueError where it cannot."""
    root = Node("definition", folder.name)
    for file in sorted(folder.rglob("*.tmdl")):
        root.children.extend(read_tmdl(file.read_text(encoding="utf-8"), file.name))
    return root


def read_tmdl(text: str, where: str) -> list[Node]:
    """Read one file. Depth is told by tabs: an expression lies deeper than the properties of what it belongs to."""
    root = Node("file", where)
    owners, description, expression = [root], [], _Expression()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.lstrip("\t")
        depth = len(line) - len(words)
        if not words:
            continue
        if expression.takes(depth, words):
            continue
        if words.startswith("///"):
            description.append(words.removeprefix("///").strip())
            continue
        if depth >= len(owners):
            raise ValueError(f"{where}:{number} lies deeper than what it could belong to: {words}")
        del owners[depth + 1 :]
        if found := _OBJECT.fullmatch(words):
            node = Node(found["kind"], _unquoted(found["name"] or ""), " ".join(description), found["value"] or "")
            owners[-1].children.append(node)
            owners.append(node)
            expression = _Expression(node, "", depth + 2 if found["is"] and not found["value"] else None)
            description = []
        elif (found := _PROPERTY.fullmatch(words)) and not description:
            owners[-1].properties[found["name"]] = found["value"] or found["expression"] or "true"
            opened = found["is"] and not found["expression"]
            expression = _Expression(owners[-1], found["name"], depth + 1 if opened else None)
            # Some properties have properties of their own.
            owners.append(owners[-1])
        else:
            raise ValueError(f"{where}:{number} is not understood: {words}")
    return root.children


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


@dataclass(slots=True)
class _Expression:
    """An expression of several lines being read: a node's own, or that of one of its properties."""

    node: Node | None = None
    name: str = ""
    depth: int | None = None

    def takes(self, depth: int, words: str) -> bool:
        if self.node is None or self.depth is None or depth < self.depth:
            return False
        before = self.node.properties[self.name] if self.name else self.node.value
        text = words if before in ("", "true") else f"{before}\n{words}"
        if self.name:
            self.node.properties[self.name] = text
        else:
            self.node.value = text
        return True


def _unquoted(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name
