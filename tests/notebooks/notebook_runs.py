"""What the tests of the notebooks share. Each kind of run is a file, so that they run side by side."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

REPOSITORY = Path(__file__).parents[2]
LESSONS = sorted(file.stem for file in (REPOSITORY / "lessons").glob("*.py"))


def real_data_or(nowhere: Path) -> tuple[Path, bool]:
    """The folder of real data where there is one, else an empty one; and whether it is real."""
    root = Path(os.environ.get("VOS_LAB_DATA", REPOSITORY.parent / "shared")).absolute()
    return (root, True) if (root / "davis2016").is_dir() else (nowhere, False)


def execute(path: Path, folder: Path, data: Path, monkeypatch) -> NotebookNode:
    """Run a notebook in a folder of its own, whatever its cells raise."""
    monkeypatch.setenv("VOS_LAB_DATA", str(data))
    monkeypatch.setenv("VOS_LAB_PROGRESS", "")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook


def errors(notebook: NotebookNode) -> list[str]:
    return [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]
