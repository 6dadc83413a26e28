//! What the whole of a node tells: facts, notes and the verdict.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeLog;
use super::file::{MAX_DATABASES, MAX_TABLES, WalFile};
use super::listing::{Engine, Persisted, SNAPSHOTS_LOADED, Scope, is_leftover, is_unlistable};
use super::verdict::{Content, Facts, Reader, Replay, start};
use crate::{Note, Part, Role, Survey, UnixTime, Value, Verdict};

/// How many gaps in the numbers are listed.
const MAX_GAPS: usize = 1_000;

/// What was found in one part, as far as the whole needs it.
pub(super) struct Finding {
    pub(super) content: Content,
    /// When the file was written, in milliseconds since 1970.
    pub(super) persisted_ms: Option<i64>,
    /// Why it does not parse, for a snapshot file.
    pub(super) broken: Option<String>,
}

/// Databases and tables of all files, within the bounds of a single one.
#[derive(Default)]
pub(super) struct Names {
    databases: BTreeMap<u32, String>,
    tables: BTreeSet<(u32, u32)>,
}

impl Names {
    pub(super) fn add(&mut self, file: WalFile) {
        for (id, name) in file.databases {
            if self.databases.len() < MAX_DATABASES {
                self.databases.entry(id).or_insert(name);
            }
        }
        for table in file.tables {
            if self.tables.len() < MAX_TABLES {
                self.tables.insert(table);
            }
        }
    }

    fn report(self, survey: &mut Survey) {
        let tables = self.tables.len();
        // At the bound there may be more, and a count that can't be known is null.
        survey.fact("tables", if tables < MAX_TABLES { Value::Unsigned(tables as u64) } else { Value::Null });
        let named = self.databases.into_iter().map(|(id, name)| (id.to_string().into(), Value::Text(name)));
        survey.fact("databases", Value::Map(named.collect()));
    }
}

impl NodeLog {
    /// What the listing alone tells.
    pub(super) fn report_listing(&self, survey: &mut Survey) {
        let watermark = self.persisted.watermark();
        let known = |count: u64| if self.persisted.is_known() { Value::Unsigned(count) } else { Value::Null };
        let engine = match &self.engine {
            Engine::Core => "core",
            Engine::Other(magic) => magic,
        };
        survey.fact("engine", engine);
        survey.fact("watermark", watermark.map_or(Value::Null, |at| Value::Unsigned(at.wal)));
        survey.fact("watermark_snapshot", watermark.map_or(Value::Null, |at| Value::Unsigned(at.snapshot)));
        survey.fact("snapshot_files", self.count(Role::Marker));
        survey.fact("live_files", known(self.count(Role::Live)));
        survey.fact("retained_files", known(self.count(Role::Retained)));
        survey.fact("stray_files", self.count(Role::Stray));
        let number = |number: Option<&u64>| number.map_or(Value::Null, |&number| Value::Unsigned(number));
        survey.fact("lowest_number", number(self.numbers.first()));
        survey.fact("highest_number", number(self.numbers.last()));
        self.report_gaps(survey);
        self.report_obstacles(survey);
    }

    fn count(&self, role: Role) -> u64 {
        self.parts.iter().filter(|part| part.role == role).count() as u64
    }

    fn report_gaps(&self, survey: &mut Survey) {
        let pairs = self.numbers.iter().zip(self.numbers.iter().skip(1));
        let gaps = pairs.filter(|(a, b)| **b - **a > 1).map(|(a, b)| (a + 1, b - 1));
        let (mut missing, mut listed, mut lowest) = (0, Vec::new(), None);
        for (first, last) in gaps {
            missing += last - first + 1;
            lowest = lowest.or(Some(first));
            if listed.len() < MAX_GAPS {
                listed.push(Value::map([("first", Value::from(first)), ("last", Value::from(last))]));
            }
        }
        if let Some(first) = lowest {
            let what = if missing == 1 { "number is" } else { "numbers are" };
            let message = format!(
                "{missing} {what} missing between the first file and the last, from {first} on; a failed flush \
                 leaves such a gap, and the server does not mind"
            );
            survey.note(Note { code: "gap", file: String::new(), message });
        }
        survey.fact("missing_count", missing);
        survey.fact("missing_numbers", listed);
    }

    /// What is known to stop a start without reading the WAL.
    fn report_obstacles(&self, survey: &mut Survey) {
        if let Engine::Other(magic) = &self.engine {
            let message = format!(
                "all WAL files begin with {magic}: another engine of InfluxDB 3 wrote them, whose format is not \
                 known; they were not read"
            );
            survey.note(Note { code: "unknown-engine", file: String::new(), message });
        }
        match &self.persisted {
            Persisted::Broken { .. } => {
                if let Some(what) = self.obstacle(&[]) {
                    survey.verdict.worsen(Verdict::Refuses { what });
                }
            }
            Persisted::Unknown { file, cause } => {
                let message =
                    format!("the newest snapshot was not read ({cause}): which files are live is not known");
                survey.note(Note { code: "watermark-unknown", file: file.clone(), message });
            }
            Persisted::Nothing | Persisted::UpTo(_) | Persisted::NotHere => {}
        }
    }

    /// What stops a start outside of the WAL; `broken` are snapshot files that do not parse.
    fn obstacle(&self, broken: &[(&Part, &str)]) -> Option<String> {
        if let Some(name) = self.parts.iter().map(|part| &part.name).find(|name| is_unlistable(name)) {
            return Some(format!("it fails, since its object store cannot list {}", name.escape_debug()));
        }
        let fails = |file: &str, cause: &str| format!("it fails, since {file} does not parse: {cause}");
        match &self.persisted {
            Persisted::Broken { file, cause } => Some(fails(file, cause)),
            _ => broken.first().map(|(part, cause)| fails(&part.name, cause)),
        }
    }

    /// What reading every part told; `findings` are in the order of the parts.
    pub(super) fn report_contents(&self, findings: &[Finding], names: Names, survey: &mut Survey) {
        names.report(survey);
        self.report_backlog(findings, survey);
        if self.scope != Scope::Node || matches!(self.engine, Engine::Other(_)) {
            return;
        }
        let parts = || self.parts.iter().zip(findings);
        let broken: Vec<(&Part, &str)> = parts()
            .take(SNAPSHOTS_LOADED)
            .filter_map(|(part, finding)| Some((part, finding.broken.as_deref()?)))
            .collect();
        let replay = parts().filter(|(part, _)| self.is_replayed(part)).map(|(part, finding)| Replay {
            file: &part.name,
            named: self.number(part),
            content: finding.content.clone(),
        });
        let facts = Facts {
            watermark: self.persisted.watermark(),
            obstacle: self.obstacle(&broken),
            replay: replay.collect(),
            numbers: &self.numbers,
        };
        self.report_start(&facts, survey);
    }

    fn report_start(&self, facts: &Facts<'_>, survey: &mut Survey) {
        let lenient = start(facts, Reader::Lenient);
        let known = self.persisted.is_known() || matches!(self.persisted, Persisted::Broken { .. });
        let verdict = |verdict: Verdict| if known { verdict } else { Verdict::Unknown };
        let word = |reader| Value::from(verdict(start(facts, reader).verdict).name());
        let number = |number: Option<u64>| number.map_or(Value::Null, Value::Unsigned);
        survey.fact("verdict_strict", word(Reader::Strict));
        survey.fact("verdict_v3_0", word(Reader::Early));
        let arrives = known && lenient.next.is_some();
        survey.fact("next_number", number(lenient.next.filter(|_| known)));
        survey.fact("files_to_replay", number(Some(lenient.files).filter(|_| arrives)));
        survey.fact("rows_to_replay", number(lenient.rows.filter(|_| arrives)));
        survey.fact("files_to_skip", number(Some(lenient.skipped).filter(|_| arrives)));
        let snapshots: Vec<Value> = lenient.snapshots.iter().copied().map(Value::Unsigned).collect();
        if !snapshots.is_empty() {
            let message = match snapshots.len() {
                1 => "1 snapshot is taken again at the next start".to_owned(),
                count => format!("{count} snapshots are taken again at the next start"),
            };
            survey.note(Note { code: "snapshot-pending", file: String::new(), message });
        }
        survey.fact("snapshots_to_repeat", snapshots);
        survey.verdict.worsen(verdict(lenient.verdict));
    }

    /// Live files without rows are left by forced snapshots and are no backlog.
    fn report_backlog(&self, findings: &[Finding], survey: &mut Survey) {
        let mut backlog = 0_u64;
        let mut rowless = 0_u64;
        let mut persisted: Option<(i64, i64)> = None;
        for (_, finding) in self.parts.iter().zip(findings).filter(|(part, _)| part.role == Role::Live) {
            match &finding.content {
                Content::Sound(sound) if sound.rows == 0 => rowless += 1,
                Content::Vanished => {}
                _ => backlog += 1,
            }
            if let Some(at) = finding.persisted_ms {
                let (first, last) = persisted.unwrap_or((at, at));
                persisted = Some((first.min(at), last.max(at)));
            }
        }
        let known = |count| if self.persisted.is_known() { Value::Unsigned(count) } else { Value::Null };
        survey.fact("backlog_files", known(backlog));
        survey.fact("rowless_files", known(rowless));
        let time = |millis: Option<i64>| millis.map_or(Value::Null, |at| UnixTime::from_millis(at).into());
        survey.fact("oldest_persisted", time(persisted.map(|(first, _)| first)));
        survey.fact("newest_persisted", time(persisted.map(|(_, last)| last)));
    }

    /// Whether a start replays the part.
    pub(super) fn is_replayed(&self, part: &Part) -> bool {
        let Some(name) = part.name.strip_prefix(self.scope.wal_prefix()) else { return false };
        let above = self.covered.as_deref().is_none_or(|covered| name > covered);
        above && !is_leftover(name)
    }
}
