"""Writes generated/ from protos/ and the rule grammar; `make generate` runs it, nothing imports it.

The output depends on nothing but its sources and the locked tools. Each part is made in a temporary folder first and
takes the old one's place file by file, so a file whose source is gone goes too and an unchanged file keeps its time.

ANTLR needs Java. Without it the parser is left as it is, provided that the recorded checksums of the grammar and of
its output still hold; otherwise this ends with an error.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GRAMMAR = ROOT / "server" / "pointguard_server" / "rules" / "grammar" / "PointguardRules.g4"
STUBS = ROOT / "generated" / "pointguard"
PARSER = ROOT / "generated" / "pointguard_grammar"
CHECKSUMS = "CHECKSUMS"
BIN = Path(sys.executable).parent

PACKAGE_DOCSTRINGS = {
    "": '"""The wire contract\'s generated code; import the modules of pointguard.v1."""\n',
    "v1": '"""Version 1 of the wire contract: messages (`*_pb2`) and services (`*_pb2_grpc`), made from protos/."""\n',
}
PARSER_DOCSTRING = (
    '"""The rule language\'s generated lexer and parser; only pointguard_server.rules.parser may import it."""\n'
)


def main() -> None:
    """Write both parts; exit with a message when one cannot be written."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        make_stubs(fresh / "pointguard")
        replace_folder(STUBS, fresh / "pointguard")
        if not GRAMMAR.exists():
            print("generate: there is no rule grammar yet")
        elif has_java():
            make_parser(fresh / "pointguard_grammar")
            replace_folder(PARSER, fresh / "pointguard_grammar")
        else:
            keep_parser()


def make_stubs(target: Path) -> None:
    """Run protoc over every .proto file: messages and services, each with type stubs."""
    target.mkdir()
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    out = target.parent
    run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "--proto_path=.",
            f"--plugin=protoc-gen-mypy_grpc={BIN / 'protoc-gen-mypy_grpc'}",
            f"--python_out={out}",
            f"--pyi_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out=quiet:{out}",
            *sources,
        ],
        PROTOS,
    )
    for package, docstring in PACKAGE_DOCSTRINGS.items():
        (target / package / "__init__.py").write_text(docstring)
    (target / "py.typed").touch()


def make_parser(target: Path) -> None:
    """Run ANTLR inside the grammar's folder, so that the header of its output names the file without a path."""
    target.mkdir()
    run(
        [str(BIN / "antlr4"), "-Dlanguage=Python3", "-no-listener", "-no-visitor", "-o", str(target), GRAMMAR.name],
        GRAMMAR.parent,
    )
    # Tables that only ANTLR's own development tools read.
    for leftover in (*target.glob("*.interp"), *target.glob("*.tokens")):
        leftover.unlink()
    (target / "__init__.py").write_text(PARSER_DOCSTRING)
    (target / CHECKSUMS).write_text(checksums(target))


def keep_parser() -> None:
    """Accept the committed parser when the grammar and the output are the ones that were recorded."""
    recorded = PARSER / CHECKSUMS
    if not recorded.exists() or recorded.read_text() != checksums(PARSER):
        sys.exit(
            "generate: the rule grammar or its generated parser changed, and there is no java to run ANTLR.\n"
            "          Install a Java runtime (on Debian: apt-get install default-jre-headless) and try again."
        )
    print("generate: no java here; the rule grammar is unchanged, so its generated parser stays as it is")


def has_java() -> bool:
    """Whether there is a Java that runs; some systems have only a placeholder that asks for one."""
    java = shutil.which("java")
    return java is not None and subprocess.run([java, "-version"], capture_output=True, check=False).returncode == 0


def checksums(folder: Path) -> str:
    """Return a SHA-256 line for the grammar and for each generated file in `folder`, sorted by name."""
    files = [GRAMMAR, *sorted(folder.glob("*.py"))]
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def replace_folder(old: Path, new: Path) -> None:
    """Make `old` hold exactly what `new` holds; files that are the same are not touched."""
    wanted = {path.relative_to(new) for path in new.rglob("*") if path.is_file()}
    present = {path.relative_to(old) for path in old.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    for name in present - wanted:
        (old / name).unlink()
    for name in sorted(wanted):
        content = (new / name).read_bytes()
        if name in present and (old / name).read_bytes() == content:
            continue
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_bytes(content)
        print(f"generate: wrote {(old / name).relative_to(ROOT)}")


def run(command: list[str], folder: Path) -> None:
    """Run a tool inside `folder`; its failure is ours, with its own message."""
    finished = subprocess.run(command, cwd=folder, check=False)
    if finished.returncode != 0:
        sys.exit(f"generate: {Path(command[0]).name} failed")


if __name__ == "__main__":
    main()
