"""The engine `automl`: google/automl's `efficientdet/main.py`, unmodified, in its own interpreter.

checkout    where the user's copy is, and what it and its interpreter can do
fields      which fields of a pipeline.config it can honour
hparams     what it is told, as YAML, every name compared with those that the copy knows
variables   what it trains, by name: so that a pattern that freezes nothing is refused
data        its groundtruth file, and records whose source ids are numbers
program     main.py's command line; it tells of its course (`inside` is the part over there)
train, evaluate   the two processes of a run

RUN/automl/
  hparams.yaml  eval-hparams.yaml  val.json  val.record (where source ids are no numbers)
  train/        main.py's --model_dir while it trains
  checkpoint  model.ckpt-N.*  eval/    its --model_dir while it evaluates: one checkpoint at a time

Seen with commit 6a54c8741e of March 2025.
"""
