"""Annotations of other formats, and records of ours: conversion and inspection."""
