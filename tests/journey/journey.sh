#!/usr/bin/env bash
# A user's whole way, in an empty folder: journey.sh DATA (a folder with train, val and test).
set -euo pipefail
data=$1
model=sentence-transformers/all-MiniLM-L6-v2

nerbb create
nerbb set_up_dataset "$data" --name politics
nerbb check_dataset politics --model $model --html politics.html

cat > store/experiment_configs/journey.ini <<'INI'
[dataset]
dataset_name = politics
prune_ratio_val = 0.1
prune_ratio_test = 0.1

[model]
pretrained_model_name = sentence-transformers/all-MiniLM-L6-v2

[settings]
preset = original
multiple_runs = 2

[runA]
lr_max = 8e-4

[runB]
lr_max = 1e-6
max_epochs = 1
INI
nerbb run_experiment journey --dry-run
nerbb run_experiment journey --quiet
nerbb show_experiments
nerbb get_experiment_results journey --average
nerbb report journey --output report.html

echo "Angela Merkel joined the Christian Democratic Union in Berlin." > texts.txt
nerbb predict journey "$(cat texts.txt)"
nerbb predict_file journey texts.txt entities.jsonl
nerbb evaluate journey politics --json > evaluation.json
nerbb export journey exported --language en
nerbb predict ./exported "$(cat texts.txt)" --json > exported.json
