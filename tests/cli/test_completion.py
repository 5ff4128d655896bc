"""A shell completes commands, options, recipes and choices by the script that the program prints."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from diorama.cli import main as program
from diorama.recipes import catalog


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for shell in ("bash", "zsh", "fish"):
        with pytest.MonkeyPatch.context() as patch:
            said: list[str] = []
            patch.setattr("builtins.print", said.append)
            assert program.run(["completion", shell]) == 0
        (folder / shell).write_text("\n".join(said))
    return folder


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("diorama tr", {"train", "translate"}),
        ("diorama ", {*(name.partition(" ")[0] for name in program.COMMANDS), "--help", "--version"}),
        ("diorama study ", {*program.commands_of("study"), "--help"}),
        ("diorama study serve pairs --po", {"--port"}),
        ("diorama train ddpm_", {name for name in catalog.names() if name.startswith("ddpm_")}),
        ("diorama train ddpm_cpu --tens", {"--tensorboard"}),
        ("diorama train ddpm_cpu --batch", {"--batch-size"}),
        ("diorama train ddpm_cpu --evaluation.m", {"--evaluation.metric"}),
        ("diorama prepare photos --fit ", {"crop", "pad"}),
        ("diorama sample runs/x --l", {"--label", "--like"}),
        ("diorama compare --recipes vae_sp", {name for name in catalog.names() if name.startswith("vae_sp")}),
        ("diorama completion ", {"bash", "zsh", "fish"}),
        ("diorama train ddpm_cpu --data ", set()),
        ("diorama import x --conf", {"--config"}),
    ],
)
def test_bash_completes(line: str, completed: set[str], scripts: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    *words, last = line.split(" ")
    typed = " ".join(f"'{word}'" for word in (*words, last))
    asked = f"source {scripts / 'bash'}; COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _diorama; "
    done = subprocess.run(
        [bash, "--norc", "-c", asked + 'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert set(done.stdout.split()) == completed


def test_fish_is_told_every_option_once(scripts: Path) -> None:
    lines = (scripts / "fish").read_text().splitlines()
    assert len(set(lines)) == len(lines)
    assert any("from train' -l batch-size -r" in line for line in lines)
    assert any("from prepare' -l fit -r -f -a 'crop pad'" in line for line in lines)
    assert any("from train' -l tensorboard -d" in line for line in lines)
    # A quote in a sentence ends no string.
    assert all(line.replace("\\'", "").count("'") % 2 == 0 for line in lines)


@pytest.mark.parametrize(("shell", "check"), [("zsh", "-n"), ("fish", "--no-execute"), ("bash", "-n")])
def test_a_script_is_one_of_its_shell(shell: str, check: str, scripts: Path) -> None:
    program_of_shell = shutil.which(shell)
    if program_of_shell is None:
        pytest.skip(f"there is no {shell}")
    subprocess.run([program_of_shell, check, str(scripts / shell)], check=True)
