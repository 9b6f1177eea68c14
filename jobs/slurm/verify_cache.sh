#!/usr/bin/env bash
# Verify a store of soft labels and score its teacher:  sbatch --dependency=afterok:ARRAY jobs/slurm/verify_cache.sh
#   DATA_ROOT  folder of the COCO set            (required)
#   SPLIT      split that was labelled           (default train2017)
#   STORE      store to verify                   (default labels_SPLIT.zarr)
#   HOLD       1: wait in the queue, held, instead of failing; `scontrol release JOB` verifies again
#SBATCH --job-name=verify_cache
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
set -euo pipefail
code=0
distill-cache verify "${STORE:-labels_${SPLIT:-train2017}.zarr}" \
  --data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --evaluate true "$@" || code=$?
if [[ $code = 1 && ${HOLD:-} = 1 && -n ${SLURM_JOB_ID:-} ]]; then scontrol requeuehold "$SLURM_JOB_ID"; fi
exit "$code"
