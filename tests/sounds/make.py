#!/usr/bin/env python3
"""Small sounds of every kind, and what is to be read from them at 8 000 samples a second: good/, broken/, 8000.txt.

Needs numpy and soundfile; the tests need neither. What is read is computed from the tone's formula, not from the files: a line is a name,
how far off it may be, and 260 samples.
"""
import os, struct
import numpy as np
import soundfile

here = os.path.dirname(os.path.abspath(__file__))
LENGTH, COUNT = 0.03, 260
lines = []


def tone(t, pitch=600):
    """Swells and fades, so that nothing begins or ends at once."""
    return np.where((t >= 0) & (t < LENGTH), 0.8 * np.sin(np.pi * np.clip(t / LENGTH, 0, 1))**2 * np.sin(2 * np.pi * pitch * t), 0)


def at(rate): return np.arange(round(LENGTH * rate)) / rate


def good(name, rate, off, kind, pitches=(600,), **options):
    channels = np.stack([tone(at(rate), p) for p in pitches], 1)
    os.makedirs(os.path.join(here, 'good'), exist_ok=True)
    soundfile.write(os.path.join(here, 'good', name), channels, rate, subtype=kind, **options)
    wanted = np.mean([tone(np.arange(COUNT) / 8000, p) for p in pitches], 0)
    lines.append(' '.join([name, str(off), *('%.6g' % v for v in wanted)]))


def broken(name, data):
    os.makedirs(os.path.join(here, 'broken'), exist_ok=True)
    open(os.path.join(here, 'broken', name), 'wb').write(data)


good('bits_8.wav', 8000, 0.008, 'PCM_U8')
good('bits_16.wav', 8000, 4e-5, 'PCM_16')
good('bits_24.wav', 8000, 1e-6, 'PCM_24')
good('float.wav', 8000, 1e-6, 'FLOAT')
good('big_endian.wav', 8000, 4e-5, 'PCM_16', endian='BIG')
good('two.wav', 8000, 4e-5, 'PCM_16', (600, 900))
good('three.flac', 8000, 4e-5, 'PCM_16', (600, 900, 1500))
good('fast.wav', 44100, 2e-3, 'PCM_16')
good('fast.flac', 16000, 2e-3, 'PCM_24', (600, 900))
good('slow.wav', 6000, 2e-3, 'PCM_16')
good('VORBIS.OGG', 8000, 0.08, 'VORBIS', format='OGG')
with open(os.path.join(here, '8000.txt'), 'w') as f:
    f.write('\n'.join(sorted(lines)) + '\n')

wav = open(os.path.join(here, 'good', 'bits_16.wav'), 'rb').read()
flac = open(os.path.join(here, 'good', 'three.flac'), 'rb').read()
broken('cut.wav', wav[:-100])
broken('cut.flac', flac[:len(flac) // 2])
broken('cut_in_head.wav', wav[:30])
broken('cut_in_head.flac', flac[:20])
broken('empty.wav', b'')
broken('text.ogg', b'no sound\n')
broken('channels.wav', wav[:22] + struct.pack('<H', 900) + wav[24:])
broken('rate.wav', wav[:24] + struct.pack('<I', 7) + wav[28:])
broken('fast.wav', wav[:24] + struct.pack('<I', 0x7fffffff) + wav[28:])
broken('head_alone.ogg', open(os.path.join(here, 'good', 'VORBIS.OGG'), 'rb').read()[:60])
