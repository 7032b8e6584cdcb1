#!/usr/bin/env python3
"""Prints what TensorBoard itself reads from an event file or a run's directory.

  read_events.py FILE    one JSON line a value: the raw records, as its file loader gives them
  read_events.py DIR     one JSON object: tags and values, as its accumulator shows them

Needs: pip install tensorboard
"""

import json
import os
import sys

from tensorboard.backend.event_processing import event_accumulator, event_file_loader


def text_of(value):
    return value.tensor.string_val[0].decode("utf-8")


def read_file(path):
    for event in event_file_loader.LegacyEventFileLoader(path).Load():
        head = {"step": event.step, "time": event.wall_time}
        if event.HasField("file_version"):
            print(json.dumps({**head, "version": event.file_version}))
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            shown = text_of(value) if plugin == "text" else value.simple_value
            print(json.dumps({**head, "tag": value.tag, "value": shown}))


def read_directory(path):
    everything = {event_accumulator.TENSORS: 0, event_accumulator.SCALARS: 0}
    run = event_accumulator.EventAccumulator(path, size_guidance=everything)
    run.Reload()
    out = {"scalars": {}, "texts": {}}
    for tag in run.Tags()["scalars"]:
        out["scalars"][tag] = [[each.step, each.value] for each in run.Scalars(tag)]
    for tag in run.Tags()["tensors"]:
        values = [[each.step, each.tensor_proto] for each in run.Tensors(tag)]
        if run.SummaryMetadata(tag).plugin_data.plugin_name == "text":
            out["texts"][tag] = [
                [step, tensor.string_val[0].decode("utf-8")] for step, tensor in values
            ]
        else:
            out["scalars"][tag] = [[step, tensor.float_val[0]] for step, tensor in values]
    print(json.dumps(out))


(read_directory if os.path.isdir(sys.argv[1]) else read_file)(sys.argv[1])
