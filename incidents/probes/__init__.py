"""Looks at customers' hosts, edges and the support line from outside, and hands what it saw on as evidence."""
