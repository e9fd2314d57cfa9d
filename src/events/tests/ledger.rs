//! The ledger on a disk: acknowledged means durable, numbers have no gap, and a bound or a broken disk hands nothing out.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use uuid::Uuid;

use crate::env::SystemClock;
use crate::events::envelope::Head;
use crate::events::frame;
use crate::events::ledger::{Config, Ledger};
use crate::events::model::{Fact, Stream};
use crate::events::segment::{self, Disk, Span};
use crate::kernel::{Fault, Lifetime, RealmId, SubjectId, Timestamp};

const STREAM: Stream = Stream([9; 16]);
const KIB: u64 = 1024;

fn config(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        stream: STREAM,
        bound: 1024 * KIB,
        first_bytes: 16 * KIB,
        segment_bytes: 16 * KIB,
        patience: Lifetime::ZERO,
        disk: Disk::REAL,
        clock: Arc::new(SystemClock::new()),
    }
}

/// An event's record; `number` tells it apart.
fn record(number: u128) -> Vec<u8> {
    let mut out = Vec::new();
    let subject = Some(SubjectId::new(Uuid::from_u128(number)));
    frame::push(&mut out, RealmId(1), |out| {
        Head { time: Timestamp::EPOCH, kind: "test.happened", subject, actor: None }.write(out)?;
        out.extend_from_slice(&[0xab; 100]);
        Ok::<_, Fault>(())
    })
    .unwrap();
    out
}

fn number(fact: &Fact) -> u128 {
    fact.sealed.header.subject.unwrap().uuid().as_u128()
}

/// What a server that starts on this directory finds, and what damage it reports.
fn found(directory: &Path) -> (Vec<Fact>, Vec<String>) {
    let (segments, damaged) = segment::find(directory).unwrap();
    let mut facts = Vec::new();
    let mut damage: Vec<String> = damaged.iter().map(|path| path.display().to_string()).collect();
    for segment in segments {
        let mut span = Span {
            path: segment.path,
            stream: segment.header.stream,
            from: 64,
            until: segment.bytes,
            next: segment.header.first,
            durable: false,
        };
        loop {
            let chunk = segment::read(&span).unwrap();
            facts.extend(chunk.facts);
            damage.extend(chunk.damage);
            (span.from, span.next) = (chunk.from, chunk.next);
            if chunk.ended {
                break;
            }
        }
    }
    (facts, damage)
}

/// The state of the disk as a crash at this moment would leave it.
fn crashed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

/// Asks a future once, so that its append is queued.
fn poll<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()))
}

fn only_segment(directory: &Path) -> std::path::PathBuf {
    let (segments, _) = segment::find(directory).unwrap();
    assert_eq!(segments.len(), 1);
    segments.into_iter().next().unwrap().path
}

async fn three_facts() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(config(directory.path())).unwrap();
    for n in 1..=3 {
        ledger.append(record(n)).await.unwrap();
    }
    crashed(directory.path())
}

/// Where the `n`-th record of `three_facts` begins: each takes the same room.
fn begin_of(n: u64) -> u64 {
    64 + (n - 1) * u64::try_from(record(1).len()).unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(config(directory.path())).unwrap();
    for n in 1..=50 {
        ledger.append(record(n)).await.unwrap();
        let (facts, damage) = found(crashed(directory.path()).path());
        assert_eq!(facts.iter().map(number).collect::<Vec<_>>(), (1..=n).collect::<Vec<_>>());
        assert_eq!(damage, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_have_no_gap_whatever_the_groups_and_segments() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Ledger::open(config(directory.path())).unwrap());
    let callers = (0..16_u128).map(|caller| {
        let ledger = Arc::clone(&ledger);
        async move {
            for n in 0..50 {
                ledger.append(record(caller * 1000 + n)).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(callers).await;
    let (facts, damage) = found(crashed(directory.path()).path());
    assert_eq!(facts.iter().map(|fact| fact.n).collect::<Vec<_>>(), (1..=800).collect::<Vec<_>>());
    assert_eq!(damage, Vec::<String>::new());
    assert!(ledger.segments().len() > 3, "this was to cross segments");
}

#[tokio::test]
async fn a_batch_is_one_append_and_stays_together() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(config(directory.path())).unwrap();
    let batch: Vec<u8> = (1..=200).flat_map(record).collect();
    assert!(batch.len() > 16 * 1024, "larger than a segment usually is");
    ledger.append(batch).await.unwrap();
    ledger.append(record(201)).await.unwrap();
    let (facts, _) = found(directory.path());
    assert_eq!(facts.iter().map(number).collect::<Vec<_>>(), (1..=201).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_is_no_damage() {
    let directory = three_facts().await;
    let path = only_segment(directory.path());
    let whole = std::fs::read(&path).unwrap();
    for keep in begin_of(3)..begin_of(4) {
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(keep).unwrap();
        file.set_len(u64::try_from(whole.len()).unwrap()).unwrap();
        let (facts, damage) = found(directory.path());
        // The last record's padding may go: it says nothing that its length does not.
        let left = facts.len();
        assert!(left == 2 || (left == 3 && keep + 8 > begin_of(4)), "{left} of {keep} bytes");
        assert_eq!(damage, Vec::<String>::new(), "{keep} bytes");
        std::fs::write(&path, &whole).unwrap();
    }
}

#[tokio::test]
async fn an_acknowledged_record_that_no_longer_reads_is_damage_and_the_rest_is_kept() {
    let directory = three_facts().await;
    let path = only_segment(directory.path());
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut byte = [0_u8];
    file.read_exact_at(&mut byte, begin_of(2) + 60).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], begin_of(2) + 60).unwrap();
    let (facts, damage) = found(directory.path());
    assert_eq!(facts.iter().map(number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(damage, ["records 2 to 2 are unreadable"]);
}

#[tokio::test]
async fn a_damaged_header_is_reported_and_the_file_is_kept() {
    let directory = three_facts().await;
    let path = only_segment(directory.path());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"x", 3).unwrap();
    let (facts, damage) = found(directory.path());
    assert!(facts.is_empty());
    assert_eq!(damage.len(), 1);
    assert!(path.with_extension("damaged").exists());
}

#[tokio::test]
async fn at_its_bound_the_ledger_refuses_and_takes_again_once_room_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let bounded = Config { bound: 48 * KIB, ..config(directory.path()) };
    let ledger = Ledger::open(bounded).unwrap();
    let mut taken = 0;
    let refusal = loop {
        match ledger.append(record(taken + 1)).await {
            Ok(()) => taken += 1,
            Err(fault) => break fault,
        }
    };
    assert!(matches!(refusal, Fault::Full { .. }), "{refusal}");
    assert!(taken > 100);
    assert!(ledger.allocated() <= 48 * KIB);
    assert!(matches!(ledger.append(record(999)).await, Err(Fault::Full { .. })));
    let oldest = ledger.segments().swap_remove(0);
    ledger.release(&oldest.path, false);
    ledger.append(record(taken + 1)).await.unwrap();
    let last = ledger.segments().pop().unwrap();
    let chunk = segment::read(&last.span()).unwrap();
    assert_eq!(u128::from(chunk.facts.last().unwrap().n), taken + 1, "a refusal used up no number");
    drop(ledger);
    let (facts, _) = found(directory.path());
    assert!(facts.iter().all(|fact| number(fact) != 999), "what was refused is not in the ledger");
}

#[tokio::test]
async fn a_full_disk_refuses_and_leaves_nothing_behind() {
    static FULL: AtomicBool = AtomicBool::new(false);
    fn fill(file: &File, bytes: u64) -> io::Result<()> {
        if FULL.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        (Disk::REAL.fill)(file, bytes)
    }
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk { fill, ..Disk::REAL };
    FULL.store(true, Ordering::SeqCst);
    let ledger = Ledger::open(Config { disk, ..config(directory.path()) }).unwrap();
    assert!(matches!(ledger.append(record(1)).await, Err(Fault::Full { .. })));
    assert_eq!(ledger.allocated(), 0);
    FULL.store(false, Ordering::SeqCst);
    ledger.append(record(2)).await.unwrap();
    let (facts, _) = found(crashed(directory.path()).path());
    assert_eq!(facts.iter().map(|fact| (fact.n, number(fact))).collect::<Vec<_>>(), [(1, 2)]);
}

#[tokio::test]
async fn a_failed_fsync_refuses_everything_from_then_on_and_says_that_the_process_must_end() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    fn sync(file: &File) -> io::Result<()> {
        if BROKEN.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        file.sync_data()
    }
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk { sync, ..Disk::REAL };
    let ledger = Ledger::open(Config { disk, ..config(directory.path()) }).unwrap();
    let mut fatal = ledger.fatal();
    ledger.append(record(1)).await.unwrap();
    assert!(fatal.borrow().is_none());
    BROKEN.store(true, Ordering::SeqCst);
    assert!(ledger.append(record(2)).await.unwrap_err().is_away());
    fatal.wait_for(Option::is_some).await.unwrap();
    BROKEN.store(false, Ordering::SeqCst);
    assert!(
        ledger.append(record(3)).await.unwrap_err().is_away(),
        "a disk that came back is not trusted"
    );
}

#[tokio::test]
async fn what_arrives_while_an_fsync_is_in_flight_shares_the_next_one() {
    static SYNCS: AtomicUsize = AtomicUsize::new(0);
    static HELD: AtomicBool = AtomicBool::new(true);
    fn sync(file: &File) -> io::Result<()> {
        SYNCS.fetch_add(1, Ordering::SeqCst);
        while HELD.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        file.sync_data()
    }
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk { sync, ..Disk::REAL };
    let ledger = Ledger::open(Config { disk, ..config(directory.path()) }).unwrap();
    let mut first = Box::pin(ledger.append(record(1)));
    assert!(poll(&mut first).is_pending());
    while SYNCS.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let mut others: Vec<_> = (2..=50).map(|n| Box::pin(ledger.append(record(n)))).collect();
    for other in &mut others {
        assert!(poll(other).is_pending());
    }
    HELD.store(false, Ordering::SeqCst);
    first.await.unwrap();
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(SYNCS.load(Ordering::SeqCst), 2);
    assert_eq!(found(crashed(directory.path()).path()).0.len(), 50);
}

/// A disk on which the first fsync waits until it is let go, so that a test decides who comes meanwhile.
fn held(syncs: &'static AtomicUsize, held: &'static AtomicBool, file: &File) -> io::Result<()> {
    syncs.fetch_add(1, Ordering::SeqCst);
    while held.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    file.sync_data()
}

#[tokio::test]
async fn callers_who_came_together_are_waited_for_so_that_they_share_an_fsync_again() {
    static SYNCS: AtomicUsize = AtomicUsize::new(0);
    static HELD: AtomicBool = AtomicBool::new(true);
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk { sync: |file| held(&SYNCS, &HELD, file), ..Disk::REAL };
    let patience = Lifetime::minutes(10);
    let ledger = Ledger::open(Config { patience, disk, ..config(directory.path()) }).unwrap();
    let mut first = Box::pin(ledger.append(record(1)));
    assert!(poll(&mut first).is_pending());
    while SYNCS.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let (mut second, mut third) =
        (Box::pin(ledger.append(record(2))), Box::pin(ledger.append(record(3))));
    assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending());
    HELD.store(false, Ordering::SeqCst);
    first.await.unwrap();
    // Two wait, and whoever was answered may come again: only then there is another group.
    assert_eq!(SYNCS.load(Ordering::SeqCst), 1);
    ledger.append(record(4)).await.unwrap();
    second.await.unwrap();
    third.await.unwrap();
    assert_eq!(SYNCS.load(Ordering::SeqCst), 2);
    ledger.close();
    assert_eq!(found(directory.path()).0.len(), 4);
}

#[tokio::test]
async fn who_does_not_come_again_is_waited_for_no_longer_than_the_ledger_has_patience() {
    let directory = tempfile::tempdir().unwrap();
    let patience = Lifetime::millis(20);
    let ledger = Ledger::open(Config { patience, ..config(directory.path()) }).unwrap();
    let mut gone: Vec<_> = (1..=20).map(|n| Box::pin(ledger.append(record(n)))).collect();
    for one in &mut gone {
        assert!(poll(one).is_pending());
    }
    drop(gone);
    for n in 21..=25 {
        ledger.append(record(n)).await.unwrap();
    }
    ledger.close();
    assert_eq!(found(directory.path()).0.len(), 25);
}

#[tokio::test]
async fn a_caller_that_is_alone_waits_for_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let patience = Lifetime::hours(1);
    let ledger = Ledger::open(Config { patience, ..config(directory.path()) }).unwrap();
    for n in 1..=20 {
        ledger.append(record(n)).await.unwrap();
    }
    ledger.close();
    assert_eq!(found(directory.path()).0.len(), 20);
}

#[tokio::test]
async fn a_ledger_that_waits_for_callers_still_closes_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let patience = Lifetime::hours(1);
    let ledger = Ledger::open(Config { patience, ..config(directory.path()) }).unwrap();
    let mut both = [Box::pin(ledger.append(record(1))), Box::pin(ledger.append(record(2)))];
    for one in &mut both {
        assert!(poll(one).is_pending());
    }
    ledger.close();
    for one in both {
        one.await.unwrap();
    }
    assert_eq!(found(directory.path()).0.len(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_changes_nothing_for_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(config(directory.path())).unwrap();
    let mut gone = Box::pin(ledger.append(record(1)));
    assert!(poll(&mut gone).is_pending());
    drop(gone);
    ledger.append(record(2)).await.unwrap();
    let (facts, _) = found(directory.path());
    assert_eq!(
        facts.iter().map(|fact| (fact.n, number(fact))).collect::<Vec<_>>(),
        [(1, 1), (2, 2)]
    );
}

#[tokio::test]
async fn two_servers_do_not_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = Ledger::open(config(directory.path())).unwrap();
    assert!(Ledger::open(config(directory.path())).is_err());
    drop(first);
    Ledger::open(config(directory.path())).unwrap();
}

#[tokio::test]
async fn what_earlier_starts_left_counts_towards_the_bound_and_is_offered_oldest_first() {
    let directory = tempfile::tempdir().unwrap();
    for start in 1..=3_u8 {
        let stream = Stream([start; 16]);
        let ledger = Ledger::open(Config { stream, ..config(directory.path()) }).unwrap();
        ledger.append(record(u128::from(start))).await.unwrap();
        assert_eq!(ledger.segments().len(), usize::from(start));
    }
    let ledger = Ledger::open(config(directory.path())).unwrap();
    let streams: Vec<_> = ledger.segments().iter().map(|segment| segment.stream.0[0]).collect();
    assert_eq!(streams, [1, 2, 3, 9]);
    assert!(ledger.allocated() > 16 * KIB);
}

#[tokio::test]
async fn a_start_without_a_fact_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    drop(Ledger::open(config(directory.path())).unwrap());
    let left: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[tokio::test]
async fn a_closed_ledger_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(config(directory.path())).unwrap();
    ledger.append(record(1)).await.unwrap();
    ledger.close();
    assert!(ledger.append(record(2)).await.unwrap_err().is_away());
    assert_eq!(found(directory.path()).0.len(), 1);
}
