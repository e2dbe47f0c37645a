from training.evaluation.episode import Episode


def test_alarms_are_counted_and_dated():
    scores = {"rnd": [9.0, 9.0, 9.0, 9.0], "combined": [0.5, 1.0, 1.01, 2.0]}
    episode = Episode(1, score_time=[0.0, 0.16, 0.32, 0.48], scores=scores)
    assert episode.alarms == 2 and episode.first_alarm_s == 0.32  # at the threshold is not above it


def test_without_a_monitor_there_are_none():
    assert Episode(1).alarms == 0 and Episode(1).first_alarm_s is None
