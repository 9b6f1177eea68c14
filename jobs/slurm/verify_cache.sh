#!/usr/bin/env bash
# Verify a store of soft labels:  sbatch --dependency=afterok:ARRAY jobs/slurm/verify_cache.sh
#   DATA_ROOT  folder of the COCO set            (required)
#   SPLIT      split that was labelled           (default train2017)
#   STORE      store to verify                   (default labels_SPLIT.zarr)
#SBATCH --job-name=verify_cache
#SBATCH --output=%x-%j.log
#SBATCH --requeue
set -euo pipefail
exec distill-cache verify "${STORE:-labels_${SPLIT:-train2017}.zarr}" \
  --data_root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" "$@"
