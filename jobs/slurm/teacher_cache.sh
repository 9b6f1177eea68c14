#!/usr/bin/env bash
# Cache a teacher's soft labels by an array of tasks:  sbatch [--array=0-31] [--gpus=1] jobs/slurm/teacher_cache.sh
#   DATA_ROOT  folder of the COCO set            (required)
#   WEIGHTS    published teacher checkpoint      (required unless TEACHER is demo)
#   SPLIT      split to label                    (default train2017)
#   TEACHER    higher_hrnet_w32, _w48 or demo    (default higher_hrnet_w32)
#   STORE      store to write                    (default labels_SPLIT.zarr)
# CPUs and memory as sbatch takes them:  sbatch --cpus-per-task=8 --mem=32G jobs/slurm/teacher_cache.sh
# A task that is killed or reaches its time limit goes on where it stopped once it is requeued.
#SBATCH --job-name=teacher_cache
#SBATCH --array=0-7
#SBATCH --output=%x-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=USR1@120
set -euo pipefail
split=${SPLIT:-train2017}
args=(--data.root "${DATA_ROOT:?set DATA_ROOT to the folder of the COCO set}" --data.split "$split")
args+=(--teacher.name "${TEACHER:-higher_hrnet_w32}" --out "${STORE:-labels_$split.zarr}")
# In the queue the verification scores the teacher, for which no GPU need wait.
if [[ -z ${SLURM_JOB_ID:-} ]]; then args+=(--evaluate true); fi
if [ -n "${WEIGHTS:-}" ]; then args+=(--teacher.weights "$WEIGHTS"); fi
if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then args+=(--threads "$SLURM_CPUS_PER_TASK"); fi
launch=()
# Inside a step, such as that of `srun --pty bash`, another one would wait for its CPUs for ever.
if [[ -n ${SLURM_JOB_ID:-} && -z ${SLURM_STEP_ID:-} ]]; then
  launch=(srun --ntasks=1)
  # srun does not take the CPUs of a task from sbatch by itself.
  export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}
fi
code=0
"${launch[@]}" distill-cache build "${args[@]}" "$@" || code=$?
# Stopped by the signal before the time limit (138: before the command was ready for it): go on in the queue. The id of
# an array's last task is that of the whole array, so a task names itself by both numbers.
if [[ $code =~ ^(75|138)$ && -n ${SLURM_JOB_ID:-} ]]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
