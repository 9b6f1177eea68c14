#!/usr/bin/env bash
# Evaluate a checkpoint or a .tflite:  sbatch jobs/slurm/evaluate.sh
#   MODEL      checkpoint or .tflite            (required)
#   DATA_ROOT  folder of the COCO set           (required)
#   SPLIT      split to evaluate on             (default val2017)
#   RUN        folder of the training: its errors go into RUN/analysis, and all of it into RUN/report.html (optional)
#   STORE      its soft labels, for the report  (optional)
#SBATCH --job-name=evaluate
#SBATCH --output=%x-%j.log
#SBATCH --requeue
set -euo pipefail
evaluate=(distill-eval "${MODEL:?set MODEL to a checkpoint or a .tflite}"
  --data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --data.split "${SPLIT:-val2017}")
if [[ -z ${RUN:-} ]]; then exec "${evaluate[@]}" "$@"; fi
"${evaluate[@]}" --analyse "$RUN/analysis" "$@"
exec distill-report "$RUN" ${STORE:+--stores "$STORE"} --out "$RUN/report.html"
