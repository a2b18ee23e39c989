"""Runs a checkout's own `object_detection/model_main_tf2.py` on today's TensorFlow.

This folder runs in the interpreter that has the checkout's TensorFlow: the standard library and
what the checkout itself needs are all that there is, and its Python may be as old as 3.8.
"""
