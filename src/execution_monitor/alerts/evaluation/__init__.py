"""The evaluation of rules: which groups meet a rule's condition, as statistics under the rights of its owner say."""
