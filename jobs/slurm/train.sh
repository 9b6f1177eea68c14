#!/usr/bin/env bash
# Train a student:  sbatch [--gpus=1] jobs/slurm/train.sh [overrides]
# By several processes, one on each GPU:  sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 jobs/slurm/train.sh
# CPUs and memory as sbatch takes them, CPUs for each process:  sbatch --cpus-per-task=12 --mem=64G jobs/slurm/train.sh
#   RECIPE     configuration file               (required)
#   DATA_ROOT  folder of the COCO set           (required)
#   STORE      soft labels of the training split (required unless the recipe's loss.alpha is 0)
#   RUN        folder of the run                (default runs/JOB-ID)
# A job that is killed or reaches its time limit resumes once it is requeued, by any number of processes.
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
# Inside a step, such as that of `srun --pty bash`, another one would wait for its CPUs for ever.
if [[ -n ${SLURM_JOB_ID:-} && -z ${SLURM_STEP_ID:-} ]]; then
  # The tasks meet on the first node; what outlives another task by a minute is ended.
  launch=(srun --wait=60)
  nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
  address=$(scontrol --oneliner show node "${nodes%%$'\n'*}" | sed -n 's/.* NodeAddr=\([^ ]*\).*/\1/p')
  export MASTER_ADDR=${MASTER_ADDR:-$address} MASTER_PORT=${MASTER_PORT:-$((20000 + SLURM_JOB_ID % 20000))}
  # srun does not take the CPUs of a task from sbatch by itself.
  tasks=${SLURM_TASKS_PER_NODE%%[!0-9]*}
  threads=${SLURM_CPUS_PER_TASK:-$((SLURM_CPUS_ON_NODE / tasks))}
  export SRUN_CPUS_PER_TASK=$threads OMP_NUM_THREADS=${OMP_NUM_THREADS:-$threads}
fi
code=0
"${launch[@]}" distill-train "${args[@]}" "$@" || code=$?
# Stopped by the signal before the time limit (138: before the command was ready for it): go on in the queue.
if [[ $code =~ ^(75|138)$ && -n ${SLURM_JOB_ID:-} ]]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
