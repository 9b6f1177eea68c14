#!/usr/bin/env bash
# Train a student:  sbatch jobs/slurm/train.sh [overrides]
#   RECIPE     configuration file               (required)
#   DATA_ROOT  folder of the COCO set           (required)
#   STORE      soft labels of the training split (required unless the recipe's loss.alpha is 0)
#   RUN        folder of the run                (default runs/JOB-ID)
# A job that is killed resumes when it is requeued.
#SBATCH --job-name=train
#SBATCH --output=%x-%j.log
#SBATCH --requeue
set -euo pipefail
args=(--config "${RECIPE:?set RECIPE to a configuration file}")
args+=(--data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --resume auto)
args+=(--out "${RUN:-runs/${SLURM_JOB_ID:-local}}")
if [ -n "${STORE:-}" ]; then args+=(--data.soft_labels "$STORE"); fi
exec distill-train "${args[@]}" "$@"
