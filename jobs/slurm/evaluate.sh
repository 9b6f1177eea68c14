#!/usr/bin/env bash
# Evaluate a checkpoint or a .tflite:  sbatch jobs/slurm/evaluate.sh
#   MODEL      checkpoint or .tflite            (required)
#   DATA_ROOT  folder of the COCO set           (required)
#   SPLIT      split to evaluate on             (default val2017)
#SBATCH --job-name=evaluate
#SBATCH --output=%x-%j.log
#SBATCH --requeue
set -euo pipefail
exec distill-eval "${MODEL:?set MODEL to a checkpoint or a .tflite}" \
  --data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --data.split "${SPLIT:-val2017}" "$@"
