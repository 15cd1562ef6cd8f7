-- Reasons are stored as JSON, by code and with their fields (crate::reason::Reason), and become sentences when they are read.
-- A sentence from before is kept as it is, with the code that it would have today where its words tell.

ALTER TABLE send ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0; -- 1: after the last attempt it may have arrived
UPDATE send SET doubtful = 1 WHERE error LIKE '%ambiguous:%';

-- What came of an assumption was a part of the reason too.
UPDATE ledger SET reason = iif(state = 'held', 'it is being sent', 'the rule matched')
WHERE answers IS NOT NULL AND reason IN (outcome, outcome || ': it is being sent');
UPDATE ledger SET reason = substr(reason, 1, length(reason) - length(outcome) - 2)
WHERE outcome IS NOT NULL AND substr(reason, -length(outcome) - 2) = '; ' || outcome;

UPDATE ledger SET reason = json_object('code', 'other', 'class', CASE
    WHEN reason LIKE 'the rule matched; it settles for %' THEN 'settling'
    WHEN reason LIKE 'the rule matched; the rule told of this not long ago%' THEN 'told_recently'
    WHEN reason LIKE 'the rule matched; it waits for the digest%' THEN 'awaits_digest'
    WHEN reason LIKE 'the rule matched; one of many at a time%' THEN 'awaits_others'
    WHEN reason LIKE 'the rule matched; quiet hours%' THEN 'quiet_hours'
    WHEN reason LIKE 'the rule matched; the budget of %' THEN 'over_budget'
    WHEN reason = 'it is being sent' THEN 'sending'
    WHEN reason = 'it is being sent again, by hand' THEN 'sending_again'
    WHEN reason LIKE 'it is told with %' THEN 'told_with'
    WHEN reason LIKE 'its message is written anew%' THEN 'written_anew'
    WHEN reason = 'the rule matched' OR reason LIKE 'the rule matched; it is told with %' THEN 'sent'
    WHEN reason LIKE 'our fault, please report it: %' THEN 'fault'
    WHEN reason LIKE 'our parser failed on it%' THEN 'parser_failed'
    WHEN state = 'failed' AND (reason LIKE 'template `%' OR reason LIKE 'there is no template %') THEN 'not_rendered'
    WHEN state = 'failed' THEN 'undelivered'
    WHEN state = 'superseded' AND reason LIKE '% came before it was sent, and says more' THEN 'superseded'
    WHEN reason = 'its author edited it' THEN 'edited_by_author'
    WHEN reason = 'its author took it back' THEN 'taken_back'
    WHEN reason = 'its author took the words back before they were sent' THEN 'words_taken_back'
    WHEN reason LIKE '% undid it before it was sent' THEN 'undone_by_event'
    WHEN reason = 'something happened before it was sent' THEN 'silence_broken'
    WHEN reason LIKE 'it was % before it was sent' THEN 'undone_before'
    WHEN reason LIKE 'no longer so: %' THEN 'no_longer_matches'
    WHEN reason LIKE '% has no rule `%` any more' OR reason = 'the rule is gone' THEN 'rule_removed'
    WHEN reason = 'it came late: it has failed since' THEN 'late_failed'
    WHEN reason = 'it came late: its author has edited it since' THEN 'late_edited'
    WHEN reason LIKE 'it came late: it was % since' THEN 'late_gone'
    WHEN reason LIKE 'it came late: % is % since' THEN 'late_state'
    WHEN reason IN ('it was deleted by now', 'it was restricted by now', 'it was withdrawn by now') THEN 'gone_by_now'
    WHEN reason IN ('it is merged by now', 'it is closed by now', 'it is a draft by now', 'it is ready by now',
                    'it is open by now', 'it is to do by now', 'it is in progress by now', 'it is done by now',
                    'it is deleted by now', 'it is successful by now', 'it is failing by now') THEN 'state_by_now'
    WHEN reason LIKE '% was taken back by now' THEN 'removed_by_now'
    WHEN reason LIKE 'there is a later deployment to the same %' THEN 'later_deployment'
    WHEN reason LIKE '% told of it already%' OR reason LIKE 'it was told of already%' THEN 'told_already'
    WHEN reason LIKE '% was told of it before, by its rule %' THEN 'told_by_rule'
    WHEN reason LIKE '% was told of % before' THEN 'told_before'
    WHEN reason LIKE '% was not told of % yet, and this undoes it' THEN 'not_told_yet'
    WHEN reason = 'the workflow was not known to have failed' THEN 'failure_not_known'
    WHEN reason LIKE '%: not news to them' THEN 'own_doing'
    WHEN reason LIKE 'the % is a bot' THEN 'bot_doing'
    WHEN reason LIKE 'the branch % is a dependency bot''s' THEN 'bot_branch'
    WHEN reason LIKE '%: nobody waits' THEN 'nobody_waits'
    WHEN reason LIKE '%: there is nobody to nudge' THEN 'nobody_to_nudge'
    WHEN reason LIKE '%: not theirs to tell' THEN 'not_theirs'
    WHEN reason LIKE 'no rule matched%' THEN 'no_rule'
    WHEN reason LIKE 'there is no page to comment on%' THEN 'no_page'
    WHEN reason LIKE 'the ticket has a security level, and %' THEN 'withheld'
    WHEN state = 'suppressed' AND (reason LIKE 'muted for %' OR reason LIKE 'muted at %' OR reason LIKE 'muted: %') THEN 'muted'
    WHEN state = 'ignored' AND reason LIKE '% is not something rules can ask for' THEN 'not_asked_for'
    WHEN state = 'ignored' AND reason LIKE 'our own comment%' THEN 'own_comment'
    WHEN state = 'ignored' AND reason LIKE 'the payload has no usable %' THEN 'field_missing'
    WHEN state = 'ignored' AND reason LIKE 'the body is not a webhook''s JSON object%' THEN 'not_a_payload'
    WHEN state = 'ignored' AND reason LIKE 'ping: %' THEN 'ping'
END, 'sentence', reason);

UPDATE ledger SET outcome = json_array(json_object('code', 'other', 'class', CASE
    WHEN outcome LIKE 'tells the author that nobody %' THEN 'tells_agreement'
    WHEN outcome LIKE 'tells the author that %' THEN 'tells_objection'
    WHEN outcome LIKE 'agreed: %' THEN 'agreed'
    WHEN outcome LIKE 'not agreed: %' THEN 'not_agreed'
    WHEN outcome LIKE '% objected by %' THEN 'objected'
    WHEN outcome LIKE '% answered before %' THEN 'answered'
    WHEN outcome LIKE 'its author changed it%' THEN 'changed_before_agreed'
END, 'sentence', outcome))
WHERE outcome IS NOT NULL;

ALTER TABLE ledger ADD COLUMN reason_code TEXT
    GENERATED ALWAYS AS (coalesce(reason ->> '$.class', reason ->> '$.code')) VIRTUAL;
