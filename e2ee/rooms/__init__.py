"""Rooms of a company's team and a customer: who may act (chapter 15), rooms and their transcript (chapters 16
and 17), consent (chapter 18).
"""
