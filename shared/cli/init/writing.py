"""Writing the files of a new pipeline, once all of them are known to fit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from deploy.manifest import Manifest
from deploy.manifest_file import load_manifest
from shared import runtime
from shared.cli.init.pipeline_request import PipelineRequest, RequestError
from shared.cli.init.rendering import files_of
from shared.core.errors import PolicyError

MANIFEST = Path("deploy") / "functions.yaml"
# What loading a manifest reads beside policies.
READ_ONLY = (MANIFEST, Path("functions"), Path("deploy") / "requirements")


@dataclass(frozen=True)
class NewFiles:
    """What a new pipeline writes, by paths under the checkout; ``folder`` is that of the policies.

    The manifest is not among them: what it needs to know of a pipeline stands in these files.
    """

    folder: Path
    policy: Path
    scenario: Path
    texts: Mapping[Path, str]


def new_files(request: PipelineRequest, root: Path, *, force: bool) -> NewFiles:
    """Return the files of a new pipeline in the checkout ``root``.

    Raises ``RequestError`` for a name that is taken, unless ``force`` replaces it, and for a manifest that has no
    place for another policy.
    """
    raw = yaml.safe_load((root / MANIFEST).read_text(encoding="utf-8"))
    folder = Path(raw["policy"])
    if not (root / folder).is_dir():
        reason = f"{MANIFEST} names one policy file, {folder}: another pipeline has no place beside it"
        raise RequestError(reason, f"policy: {folder.parent}")
    if raw["pipeline"] == request.pipeline:
        reason = f"{request.pipeline} is the pipeline of {MANIFEST}, with functions of its own"
        raise RequestError(reason, "choose another name")
    files = files_of(request, folder)
    there = [str(name) for name in files if (root / name).exists()]
    if there and not force:
        raise RequestError(f"{', '.join(there)}: already there", "choose another name, or replace them with --force")
    policy, _, scenario = files
    return NewFiles(folder, policy, scenario, files)


def refuse_unfit(files: NewFiles, root: Path, today: date) -> Manifest:
    """Return the manifest that these files would make.

    Raises ``PolicyError``, with the paths as they would be, for what does not fit the policies and the manifest there
    are.
    """
    with _beside(files, root) as place:
        try:
            manifest = load_manifest(place / MANIFEST, today=today, root=place)
            for policy in manifest.others:
                runtime.refuse_idle(policy)
        except PolicyError as wrong:
            there, here = f"{place}/", ""
            raise PolicyError(
                wrong.path.replace(there, here), wrong.key, wrong.reason.replace(there, here), wrong.hint
            ) from None
        return manifest


@contextmanager
def _beside(files: NewFiles, root: Path) -> Iterator[Path]:
    """Yield a folder that holds what the project would be with these files."""
    with TemporaryDirectory(prefix="orch-init-") as name:
        place = Path(name).resolve()
        shutil.copytree(root / files.folder, place / files.folder)
        for path in READ_ONLY:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).symlink_to((root / path).resolve())
        write(files, place)
        yield place


def write(files: NewFiles, root: Path) -> None:
    """Write the files into a checkout."""
    for name, text in files.texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
