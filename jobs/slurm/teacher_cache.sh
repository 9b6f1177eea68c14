#!/usr/bin/env bash
# Cache a teacher's soft labels:  sbatch jobs/slurm/teacher_cache.sh
#   DATA_ROOT  folder of the COCO set            (required)
#   WEIGHTS    published teacher checkpoint      (required unless TEACHER is demo)
#   SPLIT      split to label                    (default train2017)
#   TEACHER    higher_hrnet_w32, _w48 or demo    (default higher_hrnet_w32)
#   STORE      store to write                    (default labels_SPLIT.zarr)
# A job that is killed goes on where it stopped when it is submitted again.
#SBATCH --job-name=teacher_cache
#SBATCH --output=%x-%j.log
#SBATCH --requeue
set -euo pipefail
split=${SPLIT:-train2017}
args=(--data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --data.split "$split")
args+=(--teacher.name "${TEACHER:-higher_hrnet_w32}" --out "${STORE:-labels_$split.zarr}" --evaluate true)
if [ -n "${WEIGHTS:-}" ]; then args+=(--teacher.weights "$WEIGHTS"); fi
exec distill-cache build "${args[@]}" "$@"
