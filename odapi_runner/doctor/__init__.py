"""`odapi doctor`: what of the environment works, and what to do about the rest.

facts      one thing that was looked at, and the verdict over all
machine    Python, packages, memory, disk
gpu        why a GPU that is here is not used, by the versions of driver, CUDA and TensorFlow
engines    which engines there are, and how each was found
trial      three steps with each
examine    all of it
"""
