"""What the engine is to do, as plain values: the config, understood once (no TensorFlow here).

A meta-architecture has a `spec` of its own in its folder, made of the parts that stand here.
"""
