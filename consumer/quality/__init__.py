"""The quality monitor: joins alerts with labels and reports live precision and recall."""
