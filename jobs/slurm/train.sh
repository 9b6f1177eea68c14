#!/usr/bin/env bash
# Train a student on one node:  sbatch [--gpus=1] jobs/slurm/train.sh [overrides]
#   RECIPE     configuration file               (required)
#   DATA_ROOT  folder of the COCO set           (required)
#   STORE      soft labels of the training split (required unless the recipe's loss.alpha is 0)
#   RUN        folder of the run                (default runs/JOB-ID)
# A job that is killed or reaches its time limit resumes once it is requeued.
#SBATCH --job-name=train
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=USR1@300
set -euo pipefail
args=(--config "${RECIPE:?set RECIPE to a configuration file}")
args+=(--data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --resume auto)
args+=(--out "${RUN:-runs/${SLURM_JOB_ID:-local}}")
if [ -n "${STORE:-}" ]; then args+=(--data.soft_labels "$STORE"); fi
launch=()
if [ -n "${SLURM_JOB_ID:-}" ]; then launch=(srun --ntasks=1); fi
code=0
"${launch[@]}" distill-train "${args[@]}" "$@" || code=$?
# Stopped by the signal before the time limit: go on in the queue.
if [ "$code" = 75 ] && [ -n "${SLURM_JOB_ID:-}" ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
