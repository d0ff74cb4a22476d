from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from drawn_shapes import record, settings, shape, write_records, write_shapes

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import CommandError, DatasetError
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.training.configuration import TrainingConfig, read_config
from pixelrefer_ros.training.logs import read_log

pytest.importorskip("accelerate")
pytest.importorskip("matplotlib")
from pixelrefer_ros.training.trainer import Trainer

VIEWS = {"local_view_patches": 4, "global_view_patches": 4}
FAST = {
    "vision_encoder": 1e-2,
    "projector": 0.0,
    "object_encoder": 1e-2,
    "language_model": 1e-2,
}


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    return write_shapes(tmp_path)


def write_config(shapes: Path, name: str = "out", /, **changes) -> Path:
    path = shapes.parent / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings(shapes, shapes.parent / name, **changes)))
    return path


def make_config(shapes: Path, name: str = "out", /, **changes) -> TrainingConfig:
    return read_config(write_config(shapes, name, **changes))


def losses(output: Path) -> list[float]:
    return [entry.loss for entry in read_log(output / "log.csv")]


@pytest.mark.parametrize("workers", [0, 1])
def test_it_learns_and_the_engine_says_what_it_learnt(shapes, workers):
    data = {"files": [{"path": str(shapes)}], "workers": workers}
    config = make_config(
        shapes, steps=120, rates=FAST, data=data, model={"dtype": "float16", **VIEWS}
    )
    folder = Trainer(config, resume=False).run()
    curve = losses(shapes.parent / "out")
    assert curve[0] > 4
    assert curve[-1] < 0.05
    with Describer.from_pretrained(str(folder), dtype="float32") as describer:
        for number in range(3):
            image, mask, colour = shape(number)
            [answer] = describer.describe(image, Region(mask=mask), "Which colour has <region>?")
            assert answer.text == colour
    assert PixelRefer.from_pretrained(folder).language_model.dtype is torch.float16
    assert (shapes.parent / "out" / "curves.png").is_file()


def test_micro_batches_do_not_change_the_step(shapes):
    curves = []
    for size in (6, 2):
        config = make_config(shapes, f"out{size}", micro_batch=size)
        Trainer(config, resume=False).run()
        curves.append(losses(shapes.parent / f"out{size}"))
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)


def command(config: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "pixelrefer_ros.cli", "train", str(config), *options]


ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def test_mixed_precision_and_checkpointing_give_nearly_the_same(shapes):
    Trainer(make_config(shapes, "plain"), resume=False).run()
    saving = {"precision": "bfloat16", "gradient_checkpointing": True}
    config = write_config(shapes, "mixed", **saving)
    # accelerate keeps one precision for the life of a process.
    subprocess.run(command(config), check=True, stdout=subprocess.DEVNULL, env=ONE_THREAD)
    plain, mixed = (losses(shapes.parent / name) for name in ("plain", "mixed"))
    assert mixed == pytest.approx(plain, rel=2e-2)
    assert mixed != plain


@pytest.mark.parametrize("muon", [0.0, 2.0])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(shapes, muon):
    length = {"steps": 60, "save_every": 5, "keep": 1, "muon": muon}
    Trainer(make_config(shapes, "whole", **length), resume=False).run()
    for name in ("killed", "killed2", "killed3"):  # a run may end first where the computer stalls
        config, log = write_config(shapes, name, **length), shapes.parent / name / "log.csv"
        run = subprocess.Popen(command(config), stdout=subprocess.DEVNULL, env=ONE_THREAD)
        deadline = time.monotonic() + 120
        while len(read_log(log)) < 12 and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
        run.wait()
        if len(read_log(log)) < 60:
            break
    assert 12 <= len(read_log(log)) < 60
    with pytest.raises(CommandError, match="go on with --resume"):
        Trainer(read_config(config), resume=False)
    with pytest.raises(CommandError, match="seed is 3, but 0"):
        Trainer(read_config(config, ["seed=3"]), resume=True)
    Trainer(read_config(config), resume=True).run()
    whole, killed = shapes.parent / "whole", log.parent
    assert losses(killed) == losses(whole)
    assert [e.step for e in read_log(log)] == list(range(1, 61))
    for name in ("model", "checkpoint-60"):
        weights = [(folder / name / "model.safetensors").read_bytes() for folder in (whole, killed)]
        assert weights[0] == weights[1]
    assert [path.name for path in killed.glob("checkpoint-*")] == ["checkpoint-60"]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_gradient_that_is_no_number_ends_the_run_before_it_is_used(shapes, value):
    trainer = Trainer(make_config(shapes), resume=False)
    weights = next(trainer.model.object_tokenizer.parameters())
    before = weights.detach().clone()
    weights.register_hook(lambda gradient: gradient * value)
    with pytest.raises(CommandError, match=r"the gradient norm of step 0 is (inf|nan); lower the"):
        trainer.run()
    assert torch.equal(weights, before)


@pytest.mark.parametrize("share", [float("inf"), float("nan")])
def test_a_loss_that_is_no_number_ends_the_run(shapes, share):
    trainer = Trainer(make_config(shapes), resume=False)
    with torch.no_grad():
        next(trainer.model.region_projector.parameters()).fill_(share)
    with pytest.raises(CommandError, match="the loss of step 0 is nan; lower the rates"):
        trainer.run()


def test_words_teach_the_vision_encoder_and_nothing_else(shapes):
    config = make_config(shapes, objective="words", steps=60, save_every=20, rates=FAST)
    trainer = Trainer(config, resume=False)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    folder = trainer.run()
    log = read_log(shapes.parent / "out" / "log.csv")
    assert log[-1].loss < 0.1
    assert log[-1].accuracy == 1.0
    after = PixelRefer.from_pretrained(folder).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("vision_encoder.") for name in changed)
    Trainer(config, resume=True).run()
    assert read_log(shapes.parent / "out" / "log.csv") == log


def test_words_without_context_do_not_depend_on_what_surrounds_an_object(shapes):
    def first_losses(name: str) -> list[float]:
        found = []
        for context in (True, False):
            config = make_config(
                shapes, f"{name} {context}", objective="words", steps=1, rates=FAST
            )
            config = replace(config, data=replace(config.data, context=context))
            Trainer(config, resume=False).learn(save=False)
            found += losses(Path(config.output))
        return found

    usual = first_losses("usual")
    for number in range(6):
        image, mask, _ = shape(number)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        changed = np.zeros_like(image)
        changed[box] = image[box]
        cv2.imwrite(str(shapes.parent / f"{number}.png"), changed[..., ::-1])
    surrounded_by_black = first_losses("surrounded by black")
    assert surrounded_by_black[0] != usual[0]
    assert surrounded_by_black[1] == usual[1]


def test_bad_samples_are_named_counted_and_too_many_stop_the_run(tmp_path, capsys):
    write_shapes(tmp_path, 4)
    good = [record(f"{k}.png", shape(k)[1], shape(k)[2]) for k in range(4)]
    missing = record("none.png", shape(0)[1], "red")
    smaller = record("0.png", shape(0)[1][:40], "red")
    data = write_records(tmp_path / "d.jsonl", [*good, missing, smaller])
    file = {"files": [{"path": str(data)}], "workers": 0}
    Trainer(make_config(data, "few", data=file | {"max_bad_share": 0.5}), resume=False).run()
    entry = read_log(tmp_path / "few" / "log.csv")[-1]
    assert (entry.samples, entry.bad_samples) == (24, 8)
    errors = capsys.readouterr().err
    assert "left out d.jsonl:5: " in errors
    assert "none.png: No such file or directory" in errors
    assert "left out d.jsonl:6: a mask has size [40, 112], its image [84, 112]" in errors
    config = make_config(data, "many", steps=40, data=file | {"max_bad_share": 0.3})
    with pytest.raises(DatasetError, match=r"34 of 102 samples were of no use.* allows 30\.0%"):
        Trainer(config, resume=False).run()


def test_a_data_set_without_anything_good_stops_at_its_limit(tmp_path):
    data = write_records(tmp_path / "d.jsonl", ["{", "{"])
    with pytest.raises(DatasetError, match="24 of 24 samples were of no use"):
        Trainer(make_config(data), resume=False).run()
    with pytest.raises(DatasetError, match="102 of 102 samples were of no use"):
        Trainer(make_config(data, "long", steps=40), resume=False).run()


def test_a_step_without_anything_good_is_counted_and_left_out(tmp_path):
    write_shapes(tmp_path, 2)
    good = [record(f"{k}.png", shape(k)[1], shape(k)[2]) for k in range(2)]
    data = write_records(tmp_path / "d.jsonl", [*good, "{", "{"])
    length = {"global_batch": 1, "micro_batch": 1, "steps": 12, "save_every": 1}
    file = {"files": [{"path": str(data)}], "workers": 0, "max_bad_share": 0.5}
    Trainer(make_config(data, data=file, **length), resume=False).run()
    log = read_log(tmp_path / "out" / "log.csv")
    assert len(log) == 6
    assert [entry.step for entry in log] != list(range(1, 7))
    assert all(entry.samples == entry.step for entry in log)
    progress = json.loads((tmp_path / "out" / "checkpoint-12" / "progress.json").read_text())
    assert progress == {"step": 12, "samples": 12, "bad_samples": 6}


def test_other_folders_beside_the_checkpoints_are_left_alone(shapes):
    best = shapes.parent / "out" / "checkpoint-best"
    best.mkdir(parents=True)
    Trainer(make_config(shapes, save_every=1, keep=1), resume=False).run()
    found = sorted(path.name for path in best.parent.glob("checkpoint-*"))
    assert found == ["checkpoint-4", "checkpoint-best"]


def test_an_output_that_cannot_be_written_is_named(shapes):
    output = shapes.parent / "out"
    output.write_text("a file")
    with pytest.raises(CommandError, match=r"out is a file, must be a folder"):
        Trainer(make_config(shapes), resume=False)
    config = make_config(shapes)
    below = replace(config, output=str(output / "below"))
    with pytest.raises(CommandError, match=r"below cannot be written: .*Not a directory"):
        Trainer(below, resume=False).run()
    with pytest.raises(CommandError, match=r"cannot be written: .*File name too long"):
        Trainer(replace(config, output=5000 * "a"), resume=False)
    output.unlink()
    for name in ("log.csv", "model"):
        trainer = Trainer(config, resume=True)
        blocked = output / name
        blocked.mkdir(parents=True) if name == "log.csv" else blocked.write_text("a file")
        with pytest.raises(CommandError, match=f"out cannot be written: .*{name}"):
            trainer.run()
        blocked.rmdir() if name == "log.csv" else blocked.unlink()


@pytest.mark.skipif(bool(importlib.util.find_spec("tensorboard")), reason="tensorboard is here")
def test_tensorboard_is_missed_before_anything_is_read(tmp_path):
    config = make_config(tmp_path / "none.jsonl", tensorboard=True)
    with pytest.raises(CommandError, match="needs the Python package 'tensorboard'"):
        Trainer(config, resume=False)
