#!/usr/bin/env bash
# Remakes tables of benchmarks/results/ on one GPU, one after another: each training ends before its model is measured.
#
#   bash benchmarks/remake.sh CIFAR10 OUT NAME...
#
# CIFAR10 is the set as `diorama prepare` packs it at 32 px; OUT holds runs, pictures and tables. What is complete is
# measured again and not trained anew. NAMEs, with their seconds on an H200:
#   teacher     fast_cifar, ten minutes                                                  550
#   students    ect of it, then sida from that, one step and two                         600
#   small       DDPM, EDM, flow and mean flow of at most 3 M parameters, three seeds     450
#   equations   the score SDEs and ADM beside DDPM                                       500
#   classifier  ADM with labels, guided by a classifier                                  200
#   guidance    EDM with labels: FD@lite against the scale, three kinds of guidance      300
#   choices     fast_cifar in variants that differ in one choice                        1000
#   quality     drawing at equal quality on two CPU cores                                300
set -euo pipefail
data=$1 out=$2
shift 2
here=$(dirname "$0")
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-4}"
mkdir -p "$out"
diorama() { python -m diorama "$@"; }
measure() {
    local run=$1
    shift
    diorama evaluate "$run" --against "$data" --split train --count 3000 --reference 10000 \
        --metrics fd@lite,fd@lite2,kid@lite,precision,recall "$@"
}
teacher() {
    diorama train fast_cifar --data "$data" --out "$out/fast"
    measure "$out/fast"
}
students() {
    diorama distill "$out/fast" --data "$data" --method ect --images 800000 --out "$out/ect"
    measure "$out/ect" --steps 1
    diorama distill "$out/fast" --data "$data" --method sida --from "$out/ect" --images 700000 --out "$out/sida" \
        --method.adversarial.loss relativistic --method.adversarial.flatness 10 --method.adversarial.after 0 \
        --method.ratios 80 --method.interval 1 --optimizers.fake.rate.peak 2e-4 \
        --optimizers.generator.rate.peak 5e-5 --averages.ema.half-life 40000 --averages.ema.ramp-up None
    measure "$out/sida" --steps 1
}
small() {
    local recipes=$here/small_diffusion.py
    diorama compare --data "$data" --recipes "$recipes:ddpm,$recipes:edm,$recipes:flow,$recipes:mean_flow" --seeds 3 \
        --budget 20s --metrics fd@lite,fd@lite2,kid@lite,precision@lite,recall@lite --count 3000 --reference 10000 \
        --no-untrained --out "$out/small"
}
equations() {
    local recipes=$here/small_diffusion.py name
    # Kernels that are built once per machine are no part of the seconds that are compared.
    for name in ddpm adm score_sde_vp score_sde_ve; do
        diorama train "$recipes:$name" --data "$data" --images 2560 --out "$out/first-$name"
    done
    for name in ddpm adm score_sde_vp score_sde_ve; do
        diorama train "$recipes:$name" --data "$data" --time 60s --out "$out/$name"
        measure "$out/$name"
    done
}
classifier() {
    local recipes=$here/small_diffusion.py
    diorama train "$recipes:adm_classifier" --data "$data" --images 1500000 --out "$out/classifier"
    diorama train "$recipes:adm_class" --data "$data" --time 60s --out "$out/adm_class"
    python "$here/guidance.py" "$out/adm_class" "$data" --kinds classifier --guide "$out/classifier" \
        --scales 1.25 1.5 2 3 4 --out "$out/guidance_adm"
}
guidance() {
    local recipes=$here/small_diffusion.py
    diorama train "$recipes:edm_class" --data "$data" --images 100000 --out "$out/early"
    diorama train "$recipes:edm_class" --data "$data" --time 80s --out "$out/class"
    python "$here/guidance.py" "$out/class" "$data" --kinds cfg cfg:low=0.2,high=2 autoguidance --guide "$out/early" \
        --scales 1.15 1.35 1.7 2.5 --out "$out/guidance_edm"
}
choices() {
    python "$here/fast_cifar.py" "$data" --only recipe --seeds 0 1 2 --images 262144 --count 2000 \
        --runs "$out/choices-runs" --out "$out/choices"
    python "$here/fast_cifar.py" "$data" --images 262144 --count 2000 --runs "$out/choices-runs" --out "$out/choices"
}
quality() {
    diorama train ddpm_cpu --data "$data" --out "$out/two-million" --batch-size 128 --images 3000000 --time 70s \
        --averages.ema.half-life 100000 --method.synthesizer.denoiser.widths 48 64 96 \
        --method.synthesizer.denoiser.embedding.width 48 --preview-every 0 --evaluation.every 0
    taskset -c 0,1 python "$here/equal_quality.py" "$out/two-million" --data "$data" --quality-device cuda --timed 16 \
        --repeats 3 --out "$out/equal_quality.md"
}
for name in "$@"; do
    case $name in
        teacher | students | small | equations | classifier | guidance | choices | quality) "$name" ;;
        *) echo "remake.sh: there is no table '$name'" >&2 && exit 2 ;;
    esac
done
