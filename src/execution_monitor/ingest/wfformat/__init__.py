"""WfFormat, the format in which WfCommons publishes recorded runs of Nextflow, Pegasus, Makeflow and others.

Example:
    run = parse(Path("run.json").read_bytes())
    run.execution["workflow_name"], len(run.steps)
"""
