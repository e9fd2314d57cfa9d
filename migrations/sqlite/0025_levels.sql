-- Levels have the names of the posture model's specification.
UPDATE posture SET level = 'quarantine' WHERE level = 'critical';
UPDATE posture SET level = 'restricted' WHERE level = 'low';
UPDATE posture SET level = 'trusted' WHERE level = 'high';
UPDATE posture SET rising_to = 'quarantine' WHERE rising_to = 'critical';
UPDATE posture SET rising_to = 'restricted' WHERE rising_to = 'low';
UPDATE posture SET rising_to = 'trusted' WHERE rising_to = 'high';
UPDATE posture SET chart = replace(replace(replace(chart, '"critical"', '"quarantine"'), '"low"', '"restricted"'), '"high"', '"trusted"');
