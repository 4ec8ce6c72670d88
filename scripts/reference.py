"""Writes the generated parts of the documentation: whatever the code itself knows is taken from the code.

A page marks such a part with ``<!-- generated: NAME -->`` and ``<!-- end -->``; what stands between them is replaced.
``python scripts/reference.py`` writes, ``--check`` ends with 1 and names the stale pages.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import typer

import mmsflow
from mmsflow import errors, setting_values, settings
from mmsflow.campaign.amounts import duration_text
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.sandbox import Sandbox
from mmsflow.causes import CAUSES
from mmsflow.cli.app import app
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.mms import status
from mmsflow.report.wording import BUCKET_WORDS, REASON_WORDS
from mmsflow.simulator import faults
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.presets import PRESETS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(mmsflow.__file__).parent

Json = dict[str, object]

_PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """Every page of the documentation, in a stable order."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """The page with its generated parts made anew."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]().strip()}\n\n{found[3]}", text)


def stale(*, write: bool) -> list[Path]:
    """The pages whose generated parts differ from the code; with ``write`` they are mended at once."""
    found = []
    for page in pages():
        text = page.read_text("utf-8")
        if (anew := filled(text)) != text:
            found.append(page)
            if write:
                page.write_text(anew, "utf-8")
    return found


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


def _code(text: object) -> str:
    return f"`{text}`"


def _prose(text: str) -> str:
    """A docstring's words as Markdown on one line."""
    return re.sub(r"\[/?bold\]", "", " ".join(text.replace("``", "`").split()))


def _attributes(documented: object) -> dict[str, str]:
    """Name → description, from the ``Attributes`` section of a docstring."""
    found: dict[str, str] = {}
    names: list[str] = []
    section = (inspect.getdoc(documented) or "").partition("Attributes")[2].partition(":\n")[2]
    for line in section.splitlines():
        entry = re.match(r" {4}(\w+(?:, \w+)*): (.*)", line)
        if entry:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return {name: _prose(text) for name, text in found.items()}


def _value(value: object) -> str:
    """A default as people would write it."""
    if value is None or value in ("", ()) or (isinstance(value, settings.Secret) and not value):
        return "none"
    if isinstance(value, timedelta):
        return _code(duration_text(value))
    if isinstance(value, time):
        return _code(f"{value:%H:%M}")
    if isinstance(value, ZoneInfo):
        return _code(value.key)
    if isinstance(value, bool):
        return _code(str(value).lower())
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {weight}" for name, weight in value.items()) or "none"
    if isinstance(value, tuple):
        if all(isinstance(item, str) for item in value):
            return ", ".join(_code(item) for item in value)
        return " to ".join(f"{item:g}" for item in value)
    return _code(value)


# Command line


def commands() -> str:
    """Every command with the first sentence of its help, by group."""
    rows = [(group, f"[`{name}`](docs/cli.md#mmsflow-{name})", help_) for name, group, help_ in _commands()]
    return _table(("", "Command", "What it does"), rows)


def _commands() -> list[tuple[str, str, str]]:
    order = ("Write and look", "Carry out", "Set up")
    known = _click_commands()
    found = [
        (name, str(known[name].rich_help_panel), _prose((known[name].help or "").split("\n\n")[0])) for name in known
    ]
    return sorted(found, key=lambda item: order.index(item[1]))


def _click_commands() -> dict[str, typer.core.TyperCommand]:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return cast("dict[str, typer.core.TyperCommand]", group.commands)


def cli() -> str:
    """The reference of every command: usage, help, arguments and options."""
    known = _click_commands()
    return "\n\n".join(_command(name, known[name]) for name, _, _ in _commands())


def _command(name: str, command: typer.core.TyperCommand) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join(["mmsflow", name, *(_usage(each) for each in arguments), *(["[OPTIONS]"] if options else [])])
    text = [f"## mmsflow {name}", f"```text\n{usage}\n```"]
    text += [_prose(paragraph) for paragraph in (command.help or "").split("\n\n")]
    if arguments:
        rows = [(_code(_usage(each)), _help(each)) for each in arguments]
        text.append(_table(("Argument", "Meaning"), rows))
    if options:
        rows3 = [(_flags(each), _help(each), _default(each)) for each in options]
        text.append(_table(("Option", "Meaning", "Default"), rows3))
    return "\n\n".join(text)


def _usage(parameter: object) -> str:
    return str(getattr(parameter, "metavar", None) or getattr(parameter, "name", "")).upper()


def _help(parameter: object) -> str:
    return _prose(str(getattr(parameter, "help", "") or ""))


def _flags(parameter: object) -> str:
    names: list[str] = sorted(getattr(parameter, "opts", []), key=len, reverse=True)
    if getattr(parameter, "is_flag", False):
        return ", ".join(map(_code, [*names, *getattr(parameter, "secondary_opts", [])]))
    metavar = getattr(parameter, "metavar", None) or _kind(parameter)
    return ", ".join(_code(f"{name} {metavar}") for name in names)


def _kind(parameter: object) -> str:
    return "N" if type(getattr(parameter, "default", None)) is int else "TEXT"


def _default(parameter: object) -> str:
    default = getattr(parameter, "default", None)
    if default is True:
        return _code(getattr(parameter, "opts", [""])[0])
    # An empty default means that the help says in words what happens without the option.
    return "" if default in (None, "", False, ()) or isinstance(default, list) else _code(default)


def exit_codes() -> str:
    """Every exit code with its meaning, from the error hierarchy."""
    meanings: dict[int, list[str]] = {
        0: ["Done as asked."],
        130: ["Interrupted by Ctrl-C or SIGTERM; every message's state is safe."],
    }
    for error in vars(errors).values():
        if inspect.isclass(error) and issubclass(error, errors.MmsflowError) and error.exit_code != 1:
            meanings.setdefault(error.exit_code, []).append(
                _prose(inspect.getdoc(error) or "").split(". ")[0].rstrip(".")
            )
    meanings[1] = ["Something unforeseen, with a log to attach; or the ledger cannot be read or written."]
    meanings[2] = ["A wrong option, argument or setting."]
    rows = [
        (f"[{code}](docs/troubleshooting.md#exit-{code})", ". ".join(meanings[code]).rstrip(".") + ".")
        for code in sorted(meanings)
    ]
    return _table(("Code", "Meaning"), rows)


def causes() -> str:
    """Every cause by its word, with the exit code of a command that ends with it."""
    rows = [
        (_code(word), f"[{each.exit_code}](troubleshooting.md#exit-{each.exit_code})", f"{each.meaning}.")
        for word, each in CAUSES.items()
    ]
    return _table(("`cause`", "Exit", "Meaning"), rows)


# Settings


def setting_table() -> str:
    """Every setting: its name, its variable, what it takes, its default and its meaning."""
    meanings = _attributes(settings.Settings)
    for secret in setting_values.SECRETS:
        what = f"a file that holds the {secret.replace('_', ' ')}"
        meanings[f"{secret}_file"] = f"{what}; a path in `mmsflow.toml` counts from the workspace"
    fields = settings.Settings.__dataclass_fields__
    rows = []
    for name, read in settings.READERS.items():
        default = _default_of(fields[name]) if name in fields else "none"
        variable = _code("MMSFLOW_" + name.upper())
        rows.append((_code(name), variable, _takes(read), default, meanings[name]))
    return _table(("In `mmsflow.toml`", "In the environment", "Takes", "Default", "Meaning"), rows)


def _default_of(field: object) -> str:
    factory = getattr(field, "default_factory", None)
    return _value(factory() if callable(factory) else getattr(field, "default", None))


def _takes(read: Callable[[object], object]) -> str:
    """What a reader wants, in the words with which it refuses everything else."""
    said = _refusal(read, object())
    return _refusal(read, "no such value") if said == "a text" else said


def _refusal(read: Callable[[object], object], value: object) -> str:
    try:
        read(value)
    except ValueError as error:
        return re.sub(r"^must be (one of: )?", "", str(error))
    return "a text"


# Campaign file


def campaign_keys() -> str:
    """Every block of the campaign file with its keys."""
    schema = cast(Json, Campaign.model_json_schema())
    blocks = {"Campaign": schema, **cast("dict[str, Json]", schema["$defs"])}
    shown = [name for name in _BLOCKS if name in blocks]
    missing = {name for name, block in blocks.items() if "properties" in block} - set(shown)
    if missing:
        raise SystemExit(f"name the place of these blocks in scripts/reference.py: {', '.join(sorted(missing))}")
    return "\n\n".join(_block(name, blocks[name]) for name in shown)


# Where each block stands in the file, in the order of the reference.
_BLOCKS = {
    "Campaign": "The top of the file",
    "CsvSource": "recipients, exclude: a CSV list",
    "JsonLinesSource": "recipients, exclude: a JSON Lines list",
    "XlsxSource": "recipients, exclude: a workbook",
    "InlineRecipient": "recipients, exclude: a single recipient",
    "HistorySource": "recipients, exclude: who had a message before",
    "Consent": "consent",
    "Message": "message",
    "FileAttachment": "message.attachments: a file",
    "TextAttachment": "message.attachments: a text",
    "QrAttachment": "message.attachments: a QR code",
    "Variant": "variants",
    "Schedule": "schedule",
    "Window": "schedule.window",
    "QuotaRules": "quota",
    "Turn": "turn",
    "Canary": "canary",
    "StopIf": "stop_if",
    "Retry": "retry",
    "Poll": "poll",
    "Report": "report",
}


def _block(name: str, block: Json) -> str:
    required = cast("list[str]", block.get("required", []))
    properties = cast("dict[str, Json]", block["properties"])
    rows = []
    for key, shape in properties.items():
        default = "**required**" if key in required else _json_default(shape)
        rows.append((_code(key), _shape(shape), default, _meaning(shape)))
    text = _prose(str(block.get("description", "")))
    return f"### {_BLOCKS[name]}\n\n{text}\n\n" + _table(("Key", "Value", "Default", "Meaning"), rows)


def _meaning(shape: Json) -> str:
    """The key's description; pydantic leaves it out where it is also that of the block."""
    text = str(shape.get("description", ""))
    if text or "$ref" not in shape:
        return text
    definitions = cast("dict[str, Json]", Campaign.model_json_schema()["$defs"])
    return str(definitions[str(shape["$ref"]).rsplit("/", 1)[-1]].get("description", ""))


def _json_default(shape: Json) -> str:
    default = shape.get("default")
    if isinstance(default, dict):
        return "its own defaults"
    if isinstance(default, list):
        return _code("[" + ", ".join(map(str, default)) + "]") if default else "none"
    return _value(default)


# How a value of such a block is called where a list takes it.
_NOUNS = {
    "CsvSource": "CSV list",
    "JsonLinesSource": "JSON Lines list",
    "XlsxSource": "workbook",
    "InlineRecipient": "single recipient",
    "HistorySource": "who had a message before",
    "FileAttachment": "file",
    "TextAttachment": "text",
    "QrAttachment": "QR code",
}


def _shape(shape: Json) -> str:
    """A JSON Schema as a few words."""
    if "$ref" in shape:
        return _reference(str(shape["$ref"]).rsplit("/", 1)[-1])
    for several in ("anyOf", "oneOf"):
        if several in shape:
            options = [_shape(each) for each in cast("list[Json]", shape[several]) if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(options)) + _examples(shape)
    if "const" in shape:
        return _code(shape["const"])
    if "enum" in shape:
        return ", ".join(map(_code, cast("list[object]", shape["enum"])))
    return _plain(shape) + _examples(shape)


def _plain(shape: Json) -> str:
    kind = shape.get("type")
    if kind == "array":
        items = cast(Json, shape.get("items", {}))
        return "a list of: " + _shape(items)
    if kind == "object":
        return "keys with values"
    if kind == "integer":
        return f"a whole number from {shape['minimum']}" if "minimum" in shape else "a whole number"
    return {"boolean": "`true` or `false`", "number": "a number"}.get(str(kind), "text")


def _reference(name: str) -> str:
    if name in _NOUNS:
        return _NOUNS[name]
    if name in _BLOCKS:
        return "its own keys, see below"
    definitions = cast("dict[str, Json]", Campaign.model_json_schema()["$defs"])
    return _shape(definitions[name])


def _examples(shape: Json) -> str:
    examples = [each for each in cast("list[object]", shape.get("examples", [])) if not isinstance(each, list | dict)]
    return f", such as {' or '.join(map(_code, examples))}" if examples else ""


def template_filters() -> str:
    """The filters that users' templates may use."""
    from jinja2 import DictLoader

    names = sorted(name for name in Sandbox(DictLoader({})).filters if " " not in name)
    return ", ".join(map(_code, names)) + "."


# States and words


def states() -> str:
    """Every state of a message: the bucket that people see, and the states that may follow."""
    rows = []
    for state in status.MessageState:
        nexts = [each for each in status.MessageState if each in status.TRANSITIONS[state]]
        rows.append((_code(state), _code(status.BUCKET_OF_STATE[state]), ", ".join(map(_code, nexts)) or "(final)"))
    return _table(("State", "Bucket", "May become"), rows)


def buckets() -> str:
    """Every bucket with its meaning."""
    return _table(("Bucket", "Meaning"), [(_code(bucket), words.meaning) for bucket, words in BUCKET_WORDS.items()])


def run_states() -> str:
    """Every state of a run, and what may have paused it."""
    notes = _comments(inspect.getsource(RunState))
    meanings = {
        "planned": "frozen into the ledger, nothing sent yet",
        "running": "a process is sending; shown as `interrupted` when no process holds the ledger",
        "paused": "waiting; by " + ", ".join(_code(each) for each in PausedBy if each),
        "done": "nothing is left to send; delivery reports may be outstanding",
        "cancelled": "ended by a person; what was unsent stays so",
    }
    rows = [(_code(state), meanings.get(state) or notes[state.name]) for state in RunState]
    return _table(("State", "Meaning"), rows)


def reasons() -> str:
    """The short reasons of rows that were set aside, with the words of the report."""
    return _table(("Reason", "In the report"), [(_code(code), words) for code, words in REASON_WORDS.items()])


# The words of the operator's document, then those of its sister interfaces, then one that nobody names.
_DOCUMENT_WORDS = (
    "Success", "Partial success", "Client error", "Address Error", "Address Not Found", "Message format corrupt",
    "Operation restricted", "LinkedID not found", "Server Error", "Message ID Not found", "Retrieved", "Rejected",
    "Expired", "Indeterminate",
)  # fmt: skip
_SISTER_WORDS = (
    "DeliveredToNetwork", "DeliveredToTerminal", "DeliveryImpossible", "DeliveryUncertain", "MessageWaiting",
    "DeliveryNotificationNotSupported",
)  # fmt: skip


def status_words() -> str:
    """The operator's status words and what each means for a message."""
    rows = [
        (_code(word), _led_to(word), status.read_delivery_status(word).meaning, "the document")
        for word in _DOCUMENT_WORDS
    ]
    rows += [
        (_code(word), _led_to(word), status.read_delivery_status(word).meaning, "sister APIs") for word in _SISTER_WORDS
    ]
    rows.append(("any other", "waits", status.read_delivery_status("?").meaning + "; kept as it is and shown", ""))
    return _table(("Word", "The message", "Meaning", "Known from"), rows)


def _led_to(word: str) -> str:
    read = status.read_delivery_status(word)
    if read.not_found:
        return "waits for `not_found_grace`, then `failed`"
    return _code(read.state) if read.state else "waits"


# Simulator


def simulator_presets() -> str:
    """What each preset sets differently from the defaults."""
    plain = SimulatorConfig()
    rows = []
    for name, preset in PRESETS.items():
        fields = [
            each for each in SimulatorConfig.__dataclass_fields__ if getattr(preset, each) != getattr(plain, each)
        ]
        told = [f"{each} {_value(getattr(preset, each))}" for each in fields if each != "faults"]
        told += [f"fault {_fault(rule)}" for rule in preset.faults]
        rows.append((_code(name), "; ".join(told)))
    return _table(("Preset", "Differs from the defaults by"), rows)


def _fault(rule: faults.FaultRule) -> str:
    status_ = f" {rule.status}" if rule.status else ""
    return f"`{rule.kind}{status_}` on {rule.endpoint} by chance {rule.probability}"


def simulator_config() -> str:
    """Every field of the simulator's configuration."""
    meanings = _attributes(SimulatorConfig)
    fields = SimulatorConfig.__dataclass_fields__
    return _table(
        ("Field", "Default", "Meaning"),
        [(_code(name), _default_of(fields[name]), text) for name, text in meanings.items()],
    )


def fault_kinds() -> str:
    """What each kind of fault does."""
    notes = _comments(inspect.getsource(faults.FaultKind))
    return _table(
        ("Kind", "What happens"),
        [(_code(kind), notes.get(kind.name, "a redirect to another host")) for kind in faults.FaultKind],
    )


def fault_fields() -> str:
    """Every field of a fault rule."""
    return _table(("Field", "Meaning"), [(_code(name), text) for name, text in _attributes(faults.FaultRule).items()])


def _comments(source: str) -> dict[str, str]:
    """Member → the comment behind it, of an enumeration's source."""
    return dict(re.findall(r"^    ([A-Z_]+) = .*?  # (.*)$", source, re.MULTILINE))


# Architecture

# The stages in the order in which data flows through them; what is beside the flow comes last.
_STAGES = (
    "campaign", "audience", "media", "message", "mms", "plan", "ledger", "engine", "delivery", "gateway", "report",
    "notifying", "showing", "workflow", "daemon", "web", "cli", "simulator",
)  # fmt: skip


def modules() -> str:
    """Every stage with its modules, each with the first sentence of its docstring."""
    known = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    if known != set(_STAGES):
        raise SystemExit(f"name the place of these stages in scripts/reference.py: {known ^ set(_STAGES)}")
    text = []
    for stage in _STAGES:
        folder = PACKAGE / stage
        rows = [
            (_code(path.relative_to(folder).as_posix()), _about(path))
            for path in sorted(folder.rglob("*.py"))
            if _counts(path)
        ]
        text.append(f"### {stage}/\n\n{_about(folder / '__init__.py')}\n\n" + _table(("Module", "What it is"), rows))
    rows = [(_code(path.name), _about(path)) for path in sorted(PACKAGE.glob("*.py")) if _counts(path)]
    return "\n\n".join([*text, "### Beside the stages\n\n" + _table(("Module", "What it is"), rows)])


def _counts(path: Path) -> bool:
    return path.name != "__init__.py" and "versions" not in path.parts


def _about(path: Path) -> str:
    text = _prose(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
    return re.split(r"(?<=\.) ", text)[0]


def cages() -> str:
    """Which modules import which library, read from the code."""
    importers: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for library in _libraries(path):
            importers.setdefault(library, set()).add(
                path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
            )
    rows = [(_code(library), _shown_importers(importers[library])) for library in sorted(importers)]
    return _table(("Library", "Imported in"), rows)


def _shown_importers(names: set[str]) -> str:
    """Modules; a stage alone where several of its modules do."""
    stages: dict[str, list[str]] = {}
    for name in sorted(names):
        stages.setdefault(name.partition(".")[0], []).append(name)
    return ", ".join(
        _code(found[0]) if len(found) == 1 else f"`{stage}` ({len(found)} modules)" for stage, found in stages.items()
    )


def _libraries(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    tops = {name.partition(".")[0] for name in names}
    return {top for top in tops if top not in sys.stdlib_module_names and top not in {"mmsflow", "_typeshed"}}


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "cli": cli,
    "exit-codes": exit_codes,
    "causes": causes,
    "settings": setting_table,
    "campaign-keys": campaign_keys,
    "template-filters": template_filters,
    "states": states,
    "buckets": buckets,
    "run-states": run_states,
    "reasons": reasons,
    "status-words": status_words,
    "simulator-presets": simulator_presets,
    "simulator-config": simulator_config,
    "fault-kinds": fault_kinds,
    "fault-fields": fault_fields,
    "modules": modules,
    "cages": cages,
}


def main() -> int:
    """Write, or look; returns the exit code."""
    look = "--check" in sys.argv[1:]
    found = stale(write=not look)
    for page in found:
        print(f"{page.relative_to(ROOT)} {'is stale, run scripts/docs' if look else 'written'}")
    return 1 if look and found else 0


if __name__ == "__main__":
    sys.exit(main())
