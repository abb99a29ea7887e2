#!/bin/sh
# What a GPU gives: correctness, words per second, CUDA graphs, processes that share it, several GPUs. At most 8 minutes.
#   benchmarks/gpu/run.sh [--data FOLDER]      on a machine with a GPU, numpy, torch and transformers; no Ray, no network
#   benchmarks/gpu/run.sh --smoke              on the CPU, in seconds: does every part work that can work there?
cd "$(dirname "$0")/../.." || exit 1
HF_HUB_OFFLINE=1 PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" exec timeout 480 "${PYTHON:-python3}" benchmarks/gpu/measure.py "$@"
