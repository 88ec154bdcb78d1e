"""WfFormat, the recorded runs of WfCommons: parsed and turned into documents."""
