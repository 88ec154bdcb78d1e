"""The address of the list of executions over REST, which other messages name, too."""

LIST_PATH = "/api/v1/workflow-management/executions"
