"""What all commands share: dataclass configuration, one-line errors, exit codes."""

import math
import os
import re
import signal
import sys
from argparse import ArgumentError
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from cache.errors import StoreError
from distill.commands.arguments import Arguments, as_words
from distill.commands.help_text import HelpParser
from distill.commands.settings import settings_of
from distill.system.errors import InputError, Stopped, describe, full_trace
from distill.system.processes import no_children_left
from distill.system.type_words import plain_type
from mobile.errors import ExportError
from teachers.errors import WeightsError

IMPORTS = (
    "Files, .py, or modules of one's own to import first, so that what they register can be named; a checkpoint "
    "remembers them."
)
TRACEBACK = "DISTILL_TRACEBACK"

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STOPPED = 75
EXIT_INTERRUPTED = 130


def command(
    prog: str, description: str, config_class: type, action: Callable[[Any], None], argv: list[str] | None
) -> int:
    """Run a command that one configuration dataclass describes; return the exit code.

    Every field becomes an option, fields without a default become positional arguments, and
    `--config FILE.yaml` sets any of them; what stands later on the command line wins. A field that is a `Choice`, or
    a mapping from names to options, takes options by dotted names, such as `--model attention --model.size s`; with
    a registry in its metadata (`field(metadata={"registry": ...})`) `--help` explains the options of what is chosen.
    `--imports FILE.py` imports files of one's own before all that.
    """

    return run(prog, lambda: _act(prog, description, config_class, action, _words(argv)))


def commands(
    prog: str,
    description: str,
    actions: Mapping[str, tuple[type, Callable[[Any], None]]],
    argv: list[str] | None,
) -> int:
    """Run one of several sub-commands, each described as in `command`; return the exit code."""

    name, *rest = _words(argv) or [""]
    if name not in actions:
        return run(prog, lambda: _commands_parser(prog, description, actions).parse_args(_words(argv)))
    config_class, action = actions[name]
    return run(prog, lambda: _act(f"{prog} {name}", _summary(config_class), config_class, action, rest))


def load_config(config_class: type, file: Path, overrides: Mapping[str, object]) -> Any:
    """A configuration from a YAML file, with dotted settings such as `data.root` or `model.size` on top of it.

    Raises:
        InputError: a setting is unknown, its value does not fit, or what the file imports cannot be imported.
    """
    parser = _parser(config_class.__name__, "", config_class)
    try:
        words = Arguments([f"--config={file}", *as_words(overrides)], config_class).words
        return _instantiate(parser, config_class, parser.parse_args(words))
    except ArgumentError as error:
        raise InputError(f"{file}: {error}") from None


def run(prog: str, main: Callable[[], None]) -> int:
    """Call `main`; print what went wrong as one line on stderr and return the exit code.

    Processes that `main` started have ended then, whatever happened. With DISTILL_TRACEBACK=1 in the environment the
    trace of an unexpected exception stands before its line.
    """
    with no_children_left():
        return _guarded(prog, main)


def _guarded(prog: str, main: Callable[[], None]) -> int:
    try:
        main()
        sys.stdout.flush()
    except ArgumentError as error:
        return _fail(prog, error, EXIT_USAGE)
    except (InputError, StoreError, WeightsError, ExportError) as error:
        return _fail(prog, error, EXIT_FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        return _fail(prog, f"{error.strerror or error}{name}", EXIT_FAILED)
    except Stopped as stopped:
        return _fail(prog, f"stopped by {stopped}; start the same command again to go on", EXIT_STOPPED)
    except KeyboardInterrupt:
        return _fail(prog, "interrupted; what was finished is kept", EXIT_INTERRUPTED)
    except Exception as error:
        if str(error).startswith("DataLoader worker"):
            return _fail(prog, f"{error}; a loader worker died: where memory is short, lower data.workers", EXIT_FAILED)
        if os.environ.get(TRACEBACK):
            print(full_trace(error), file=sys.stderr)
        hint = f"this is a fault of the tool: set {TRACEBACK}=1 for the trace, and report it"
        return _fail(prog, f"unexpected {describe(error)}; {hint}", EXIT_FAILED)
    return 0


def _in_plain_words(error: ArgumentError, parser: HelpParser) -> ArgumentError:
    """What the parser says of a value of the wrong type, told by the setting's name and its type."""
    found = re.search(r'Parser key "([\w.]+)"', str(error))
    if found is None or not (kind := parser.kinds.get(found[1])):
        return ArgumentError(None, re.sub(r'Parser key "([\w.]+)":\s*', r"\1: ", str(error)))
    given = re.findall(r"Got value: (.*)", str(error))
    value = f" is {given[-1]!r}; it" if given else ""
    return ArgumentError(None, f"{found[1]}{value} takes: {plain_type(kind)}")


def _words(argv: list[str] | None) -> list[str]:
    return sys.argv[1:] if argv is None else argv


def _act(prog: str, description: str, config_class: type, action: Callable[[Any], None], words: list[str]):
    """Read the command line and do what it says."""
    arguments = Arguments(words, config_class)
    parser = _parser(prog, description, config_class)
    if arguments.asks_for_help:
        parser.explain(arguments.chosen(), arguments.settings)
    try:
        config = _instantiate(parser, config_class, parser.parse_args(arguments.words))
    except ArgumentError as error:
        raise _in_plain_words(error, parser) from None
    action(config)


def _parser(prog: str, description: str, config_class: type) -> HelpParser:
    parser = HelpParser(prog=prog, exit_on_error=False)
    settings = settings_of(config_class)
    parser.describe(description, settings)
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below.")
    if "imports" not in parser.kinds:
        parser.kinds["imports"] = list[str]
        parser.add_argument("--imports", type=list[str], default=[], help=IMPORTS)
    parser.add_class_arguments(config_class, as_positional=True)
    return parser


def _commands_parser(prog: str, description: str, actions: Mapping[str, tuple[type, Any]]) -> HelpParser:
    parser = HelpParser(prog=prog, exit_on_error=False)
    parser.summary, parser.usage_line = description, "COMMAND [options]"
    subcommands = parser.add_subcommands(title="commands", metavar="COMMAND", required=True)
    for name, (config_class, _) in actions.items():
        own = _parser(f"{prog} {name}", _summary(config_class), config_class)
        subcommands.add_subcommand(name, own, help=_summary(config_class))
    return parser


def _summary(config_class: type) -> str:
    return (config_class.__doc__ or "").splitlines()[0]


def _instantiate(parser: HelpParser, config_class: type, namespace: Namespace) -> Any:
    for name, value in namespace.items():
        if not _is_finite(value):
            raise InputError(f"{name} must be a finite number, not {value}")
    values = parser.instantiate(namespace)
    return config_class(**{f.name: values[f.name] for f in fields(config_class)})


def _is_finite(value: object) -> bool:
    """Whether a setting is no NaN and no infinity, nor holds any."""
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, list | tuple) or all(map(_is_finite, value))


def _fail(prog: str, error: object, code: int) -> int:
    print(f"{prog}: {' '.join(str(error).split())}", file=sys.stderr)
    return code
