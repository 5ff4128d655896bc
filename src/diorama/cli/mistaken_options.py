"""Options as other tools call them: what they are here, so that a mistake ends in the right word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_OUT = ("out-dir", "outdir", "output", "output-dir", "save-dir", "save-path", "logdir", "log-dir", "results-dir", "o")
_DATA = ("dataset", "dataset-name", "dataset-path", "data-dir", "data-path", "data-root", "dataroot", "train-data-dir")
_SIZE = ("resolution", "res", "image-size", "img-size", "imsize", "imgsz", "input-size", "width", "height")
_BATCH = ("batch", "batchsize", "bs", "b", "batch-gpu", "train-batch-size", "eval-batch-size", "per-gpu-batch-size")
_COUNT = ("n", "num", "num-samples", "n-samples", "nsamples", "samples", "num-images", "n-images", "number")
_GPUS = ("gpus", "gpu", "num-gpus", "ngpus", "n-gpus", "gpu-ids", "nproc", "num-processes", "world-size")
_SEED = ("random-seed", "manual-seed", "rng-seed")
_WORKERS = ("workers", "num-workers", "n-workers", "dataloader-num-workers", "nworkers", "threads", "num-threads")
_CPU = ("cpu", "no-cuda", "use-cpu", "cuda", "use-gpu")

Meanings = Mapping[tuple[str, ...], str]

_COMMON: Sequence[tuple[tuple[str, ...], Meanings]] = (
    (
        ("prepare", "train", "sample", "compare", "demo", "import", "export"),
        {_OUT: "the folder that is written is --out FOLDER"},
    ),
    (
        ("train", "sample", "evaluate", "compare"),
        {
            _BATCH: "it is called --batch-size",
            _SEED: "it is called --seed",
            _CPU: "the device is chosen by --device cpu or --device cuda",
        },
    ),
    (
        ("prepare", "train", "sample", "evaluate", "compare"),
        {("cfg", "conf", "config-file", "yaml"): "a file of options is --config FILE.toml"},
    ),
)
"""By the commands that have the option which is meant."""

_BY_COMMAND: Mapping[str, Meanings] = {
    "train": {
        ("epochs", "epoch", "num-epochs", "n-epochs", "max-epochs", "num-train-epochs", "nepochs"): (
            "length is counted in pictures seen: --images 200k (epochs × records of the data), or a time: --time 10min"
        ),
        (
            "steps",
            "num-steps",
            "max-steps",
            "max-train-steps",
            "n-steps",
            "iters",
            "iterations",
            "max-iters",
            "niter",
        ): ("length is counted in pictures seen: --images 200k (steps × batch size), or a time: --time 10min"),
        ("kimg", "total-kimg", "duration"): "length is counted in pictures seen: --images 200k, or --images 2M",
        ("budget", "max-time", "timeout"): "it is called --time, as in --time 10min",
        _DATA: "the data are --data FOLDER, a folder that `diorama prepare` made",
        (*_SIZE, "size"): (
            "a model is as large as its data: choose with `diorama prepare SOURCE --out FOLDER --size 64`"
        ),
        _WORKERS: "batches are read ahead by themselves; leave it out (cores: OMP_NUM_THREADS)",
        ("fsdp", "shard", "fully-sharded", "zero", "zero-stage", "deepspeed"): (
            "weights are shared out over the processes of torchrun by --sharded"
        ),
        _GPUS: "one GPU is --device cuda:0; for several: torchrun --nproc-per-node 2 -m diorama train …",
        ("resume", "resume-from", "resume-from-checkpoint", "continue", "auto-resume"): (
            "the same command continues the run in --out; for a new run from a model's weights: --from FOLDER"
        ),
        ("checkpoint", "ckpt", "pretrained", "init-from", "weights", "load", "transfer", "finetune"): (
            "a new run starts from a model's weights by --from FOLDER; the same command continues a run"
        ),
        ("model", "recipe", "arch", "network", "net", "cfg-name"): (
            "the recipe is the first word: diorama train ddpm_cpu …; `diorama recipes` lists them"
        ),
        ("amp", "fp16", "bf16", "half", "mixed-precision", "dtype"): "it is called --precision: auto, fp16, bf16, fp32",
        ("ema", "ema-decay", "ema-kimg", "ema-rate", "use-ema"): (
            "the average of the weights has a half-life in images: --averages.ema.half-life 20k"
        ),
        ("accumulate", "grad-accum", "accumulation-steps", "gradient-accumulation-steps"): (
            "a step's batch is split by --micro-batch; --batch-size stays the whole"
        ),
        ("grad-clip", "clip", "max-grad-norm", "clip-grad"): "each optimizer has its own: --optimizers.NAME.clip 1.0",
        ("hflip", "mirror", "random-flip", "horizontal-flip"): "it is called --flip, or --no-flip",
        ("save-every", "save-interval", "save-steps", "save-freq", "snap", "checkpointing-steps", "ckpt-every"): (
            "it is called --checkpoint-every, in images"
        ),
        ("sample-every", "sample-interval", "sample-freq", "save-images-epochs", "image-every"): (
            "it is called --preview-every, in images"
        ),
        ("eval-every", "eval-interval", "eval-steps", "metrics-every", "validate-every"): (
            "it is called --evaluation.every, in images"
        ),
        ("metric", "metrics", "fid"): "what is measured while training is --evaluation.metric, as in fd@lite",
        ("log-interval", "log-steps", "logging-steps", "print-freq"): "it is called --log-every, in images",
        ("report-to", "logger", "use-wandb", "wandb-project", "tb"): "it is --wandb PROJECT, or --tensorboard",
        ("class-cond", "cond", "conditional", "num-classes", "labels"): (
            "whether labels are used is the recipe's choice: ddpm_class, say; classes come with the data"
        ),
    },
    "prepare": {
        _SIZE: "the side of the square records is --size, as in --size 64",
        (*_DATA, "data", "input", "input-dir", "source-dir", "src", "i"): (
            "the source is the first word: diorama prepare photos --out prepared"
        ),
        ("dest", "dst", "target"): "the folder that is written is --out FOLDER",
        (*_WORKERS[1:], "jobs", "j"): "it is called --workers",
        (
            "val-split",
            "val",
            "test-split",
            "splits",
            "val-size",
            "ratio",
        ): "shares are --split TRAIN,VAL,TEST: .8,.1,.1",
        ("crop", "center-crop", "resize", "pad", "transform"): "other shapes become square by --fit crop or --fit pad",
        ("captions", "labels", "csv", "metadata"): (
            "a table of the files is --table FILE.csv (--label and --caption choose its columns)"
        ),
        ("license",): "it is called --licence",
        ("frame-rate",): "it is called --fps",
        ("limit", "max-samples", "max-images", "max-files", "max-items", "subset", *_COUNT): (
            "a source is read whole; to try a part of it, name one of its folders as the source"
        ),
    },
    "sample": {
        _COUNT: "it is called --count",
        ("cfg-scale", "guidance-scale", "scale", "w"): "it is called --guidance",
        ("num-inference-steps", "ddim-steps", "num-steps", "sampling-steps", "n-steps", "timesteps"): (
            "it is called --steps"
        ),
        ("class", "classes", "class-label", "labels", "y", "category"): "it is called --label",
        ("text", "caption", "prompts"): "it is called --prompt",
        ("model", "checkpoint", "ckpt", "network", "run"): "the model is the first word: diorama sample runs/first …",
        ("seeds",): "samples of a seed are numbered: --seed 0 --first 0 --count 16",
        ("scheduler",): "it is called --sampler",
    },
    "evaluate": {
        (*_DATA, "data", "real", "ref", "reference-path", "gt"): "the real data are --against FOLDER",
        ("metric", "m"): "it is called --metrics, as in --metrics fd@lite",
        _COUNT: "it is called --count",
        ("num-inference-steps", "num-steps"): "it is called --steps",
        ("cfg-scale", "guidance-scale"): "it is called --guidance",
    },
    "compare": {
        ("models", "model", "recipe", "methods"): "it is called --recipes, as in --recipes dcgan,vae",
        ("time", "images", "epochs", "steps-per-run", "duration"): (
            "each training has a --budget: a time (10min) or pictures seen (200k)"
        ),
        _DATA: "the data are --data FOLDER",
        ("run", "checkpoints"): "it is called --runs",
        ("metric",): "it is called --metrics",
        ("num-samples", "n-samples"): "it is called --count",
    },
}

RATES = ("lr", "learning-rate", "base-lr", "rate", "lr-g", "lr-d", "glr", "dlr", "max-lr")
"""What a learning rate is called elsewhere: here each optimizer of a recipe has its own."""


def meaning(command: str, option: str) -> str:
    """What an option of another tool is here, as a sentence; empty where that is not known.

    Args:
        command: of the program.
        option: as it was typed, without the dashes before it.
    """
    name = option.lower().replace("_", "-")
    common = [meanings for commands, meanings in _COMMON if command in commands]
    for meanings in (_BY_COMMAND.get(command, {}), *common):
        for names, words in meanings.items():
            if name in names:
                return words
    return ""
