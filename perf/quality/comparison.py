"""What changed between two runs of perf/run quality, sample by sample on the same seeds."""
import math

# 97.5 % quantile of Student's t: an upper bound from 12 degrees of freedom on is near enough for a comparison.
STUDENT_T = 2.18


def difference(ours, theirs):
    """Mean of the paired differences and half of its confidence interval."""
    pairs = [a - b for a, b in zip(ours, theirs)]
    mean = sum(pairs) / len(pairs)
    if len(pairs) < 2:
        return mean, 0.0
    variance = sum((pair - mean) ** 2 for pair in pairs) / (len(pairs) - 1)
    return mean, STUDENT_T * math.sqrt(variance / len(pairs))


def compare(before, after):
    """Yields a line for each row that got better or worse beyond chance, or whose delay or losses moved."""
    if (before['speech'], before['seeds']) != (after['speech'], after['seeds']):
        raise ValueError('the runs are not of the same speech and seeds')
    old_rows = {(row['path'], row['weather']): row for row in before['rows']}
    for row in after['rows']:
        old = old_rows.get((row['path'], row['weather']))
        if old is None:
            continue
        stoi, stoi_half = difference(row['ours']['stoiSamples'], old['ours']['stoiSamples'])
        lsd, lsd_half = difference(row['ours']['lsdDbSamples'], old['ours']['lsdDbSamples'])
        delay = row['delayMs']['mean'] - old['delayMs']['mean']
        late = (row['late'] - old['late']) * 100
        is_clear = abs(stoi) > max(stoi_half, 0.0005) or abs(lsd) > max(lsd_half, 0.02)
        if not is_clear and abs(delay) < 2 and abs(late) < 0.1:
            continue
        name = f"{row['path']} / {row['weather']}"
        yield (f'{name:52} STOI {stoi:+.4f} +- {stoi_half:.4f}   LSD {lsd:+.2f} +- {lsd_half:.2f} dB   '
               f'delay {delay:+6.1f} ms   late {late:+.2f} %')
