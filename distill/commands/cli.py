"""What all commands share: dataclass configuration, one-line errors, exit codes."""

import json
import os
import signal
import sys
from argparse import ArgumentError
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from cache.errors import StoreError
from distill.system.errors import InputError, Stopped
from mobile.errors import ExportError
from teachers.errors import WeightsError

set_parsing_settings(docstring_parse_attribute_docstrings=True)

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STOPPED = 75
EXIT_INTERRUPTED = 130


def command(
    prog: str, description: str, config_class: type, action: Callable[[Any], None], argv: list[str] | None
) -> int:
    """Run a command that one configuration dataclass describes; return the exit code.

    Every field becomes an option, fields without a default become positional arguments, and
    `--config FILE.yaml` sets any of them; what stands later on the command line wins.
    """
    parser = _parser(prog, description, config_class)

    def main():
        arguments = _with_lists(sys.argv[1:] if argv is None else argv, config_class)
        arguments = _with_values(arguments, _flags(config_class))
        action(_instantiate(parser, config_class, parser.parse_args(arguments)))

    return run(prog, main)


def commands(
    prog: str,
    description: str,
    actions: Mapping[str, tuple[type, Callable[[Any], None]]],
    argv: list[str] | None,
) -> int:
    """Run one of several sub-commands, each described as in `command`; return the exit code."""
    parser = ArgumentParser(prog=prog, description=description, exit_on_error=False)
    subcommands = parser.add_subcommands(title="commands", metavar="COMMAND", required=True)
    parsers = {}
    for name, (config_class, _) in actions.items():
        summary = (config_class.__doc__ or "").splitlines()[0]
        parsers[name] = _parser(f"{prog} {name}", summary, config_class)
        subcommands.add_subcommand(name, parsers[name], help=summary)

    def main():
        flags = {flag for config_class, _ in actions.values() for flag in _flags(config_class)}
        arguments = list(sys.argv[1:] if argv is None else argv)
        if arguments and arguments[0] in actions:
            arguments[1:] = _with_lists(arguments[1:], actions[arguments[0]][0])
        namespace = parser.parse_args(_with_values(arguments, flags))
        name = namespace.subcommand
        config_class, action = actions[name]
        action(_instantiate(parsers[name], config_class, namespace[name]))

    return run(prog, main)


def load_config(config_class: type, file: Path, overrides: Mapping[str, object]) -> Any:
    """A configuration from a YAML file, with dotted settings such as `data.root` on top of it.

    Raises:
        InputError: a setting is unknown or its value does not fit.
    """
    parser = _parser(config_class.__name__, "", config_class)
    options = [f"--{name}={value}" for name, value in overrides.items()]
    try:
        return _instantiate(parser, config_class, parser.parse_args([f"--config={file}", *options]))
    except ArgumentError as error:
        raise InputError(f"{file}: {error}") from None


def run(prog: str, main: Callable[[], None]) -> int:
    """Call `main`; print what a user can mend as one line on stderr and return the exit code."""
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
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        return _fail(prog, f"{error}; a loader worker died: where memory is short, lower data.workers", EXIT_FAILED)
    except Stopped as stopped:
        return _fail(prog, f"stopped by {stopped}; start the same command again to go on", EXIT_STOPPED)
    except KeyboardInterrupt:
        return _fail(prog, "interrupted; what was finished is kept", EXIT_INTERRUPTED)
    return 0


def _parser(prog: str, description: str, config_class: type) -> ArgumentParser:
    parser = ArgumentParser(prog=prog, description=description, exit_on_error=False)
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
    parser.add_class_arguments(config_class, as_positional=True)
    return parser


def _instantiate(parser: ArgumentParser, config_class: type, namespace: Namespace) -> Any:
    values = parser.instantiate(namespace)
    return config_class(**{f.name: values[f.name] for f in fields(config_class)})


def _flags(config_class: type, prefix: str = "--") -> set[str]:
    """Options of the boolean fields, those of nested configurations included."""
    flags = set()
    for name, kind in get_type_hints(config_class).items():
        if kind is bool:
            flags.add(prefix + name)
        elif is_dataclass(kind):
            flags |= _flags(kind, f"{prefix}{name}.")
    return flags


def _with_values(arguments: list[str], flags: set[str]) -> list[str]:
    """The same arguments with `true` given to every flag that stands without a value."""
    following = [*arguments[1:], ""]
    return [
        f"{argument}=true" if argument in flags and after.lower() not in ("true", "false") else argument
        for argument, after in zip(arguments, following, strict=False)
    ]


def _with_lists(arguments: list[str], config_class: type) -> list[str]:
    """The same arguments with the values that follow a list's option, or stand first for a list, as one value."""
    kinds = {f"--{name}": get_args(kind)[0] for name, kind in get_type_hints(config_class).items() if _is_list(kind)}
    required = [f"--{f.name}" for f in fields(config_class) if f.default is MISSING and f.default_factory is MISSING]
    starts = [0, *(i for i, argument in enumerate(arguments) if argument.startswith("-")), len(arguments)]
    joined = []
    for start, end in pairwise(dict.fromkeys(starts)):
        named = arguments[start].startswith("-")
        option = arguments[start] if named else next(iter(required), "")
        values = arguments[start + named : end]
        if option in kinds and values and not values[0].startswith("["):
            is_number = kinds[option] in (int, float)
            values = [f"[{', '.join(value if is_number else json.dumps(value) for value in values)}]"]
        joined += [*arguments[start : start + named], *values]
    return joined


def _is_list(kind: object) -> bool:
    return get_origin(kind) in (list, tuple)


def _fail(prog: str, error: object, code: int) -> int:
    print(f"{prog}: {' '.join(str(error).split())}", file=sys.stderr)
    return code
