"""The engine `tf-models`: the user's own object_detection/model_main_tf2.py, unmodified.

engine      what a supervisor is told of it: command lines, options, refusals
checkout    where the user's copy is, and what its version has
program     its command lines, by way of the launcher
train, evaluate   mind it: the two processes of a run, in odapi's own interpreter
launcher    starts it on the installed TensorFlow, in the interpreter of --python
__main__    starts the launcher: `python -m odapi_runner.backends.tf_models`
shims       which of the launcher's shims are needed

Seen with SketchToCircuit/models 714bb5fcf1 of June 2022 and vmdhhh/MobileNetV2 b136df7f1b of July
2021.
"""
