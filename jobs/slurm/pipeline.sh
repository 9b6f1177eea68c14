#!/usr/bin/env bash
# Submit labels, their verification, training, evaluation and the report as one chain:
#   jobs/slurm/pipeline.sh [options of distill-cache build]
#   DATA_ROOT, RECIPE, STORE, RUN  as in the other scripts  (required)
#   WEIGHTS, TEACHER, SPLIT        as in teacher_cache.sh
#   EVAL_SPLIT  split of the evaluation          (default val2017)
#   TASKS       tasks of the array               (default 8)
#   GPUS        training processes on a node, one a GPU, where the cluster has GPUs (default 1)
#   NODES       nodes of the training            (default 1)
#   CPUS        CPUs of each task and process    (default as the partition gives)
#   MEMORY      memory of each node of a job, such as 64G (default as the partition gives)
# Account, partition and time limit are set by sbatch's own variables: SBATCH_ACCOUNT, SBATCH_PARTITION, SBATCH_TIMELIMIT.
set -euo pipefail
: "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" "${RECIPE:?set RECIPE to a configuration file}"
: "${STORE:?set STORE to the store of soft labels to write}" "${RUN:?set RUN to the folder of the run}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DATA_ROOT RECIPE STORE RUN
one=() each=(--nodes="${NODES:-1}" --ntasks-per-node=1)
if [[ $(sinfo --noheader --format=%G) = *gpu* ]]; then
  one=(--gpus=1) each=(--nodes="${NODES:-1}" --ntasks-per-node="${GPUS:-1}" --gpus-per-node="${GPUS:-1}")
elif [[ ${GPUS:-1} != 1 ]]; then
  echo "GPUS is $GPUS, but sinfo shows no GPU on this cluster; leave it out" >&2
  exit 2
fi
size=(${CPUS:+--cpus-per-task="$CPUS"} ${MEMORY:+--mem="$MEMORY"})
submit() { sbatch --parsable "${size[@]}" "$@" | cut -d';' -f1; }
labels=$(submit "${one[@]}" --array="0-$((${TASKS:-8} - 1))" "$here/teacher_cache.sh" "$@")
# Not afterok: an array never counts as successful once a task was killed, though it is requeued and succeeds. What
# lets the training start is the verification.
verify=$(HOLD=1 submit --dependency="afterany:$labels" "$here/verify_cache.sh")
train=$(submit "${each[@]}" --dependency="afterok:$verify" "$here/train.sh")
evaluate=$(SPLIT=${EVAL_SPLIT:-val2017} MODEL=$RUN/best.safetensors \
  submit "${one[@]}" --dependency="afterok:$train" "$here/evaluate.sh")
printf '%s %s\n' teacher_cache "$labels" verify_cache "$verify" train "$train" evaluate "$evaluate"
