"""The queue of a user on a machine: runs that start by themselves, as devices become free.

entries   which runs, in which order: one file in the user's folder of this machine
outlook   what is to become of each: derived from the run itself
serve     the process that starts them; it ends when nothing is left
control   what can be done to it from outside
unit      how it is started again after a reboot
"""
