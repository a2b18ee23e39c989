"""Runs as jobs of a Slurm cluster, submitted through submitit: `odapi train … --cluster slurm`.

words      what is typed for a job
request    what a job asks for, and what cannot be one
submit     a run becomes a job
job        what the job does: it has the run supervised, and is queued again where its time ends
jobs       which job a run has, from its events
scheduler  what Slurm says of jobs, and what it is told about them
"""
