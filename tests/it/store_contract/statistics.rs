//! A directory's days.

use jiff::civil::date;
use shared::directory::DirectoryCounts;
use shared::statistics::Day;
use shared::store::{MirrorStore as _, Publication, StatisticsStore as _};

use super::fixtures::{directory, lease, published};
use crate::dynamodb::Table;

pub async fn runs_add_to_their_day_and_the_last_counts_hold(table: &Table) {
    let id = directory(&table.store).await;
    let lease = lease(&table.store, id).await;
    let day = |of: i8, active, activated, deactivated| Day {
        date: date(1970, 1, of),
        counts: DirectoryCounts { active, ..DirectoryCounts::default() },
        activated,
        deactivated,
    };
    for noted in [Some(day(1, 5, 5, 0)), None, Some(day(1, 4, 0, 1)), Some(day(2, 6, 2, 0))] {
        let publication = Publication { day: noted, ..Publication::new(None, None, published(lease.run)) };
        table.store.publish(&lease, &publication).await.unwrap();
    }
    assert_eq!(table.store.days(id, date(1970, 1, 1)).await.unwrap(), [day(1, 4, 5, 1), day(2, 6, 2, 0)]);
    assert_eq!(table.store.days(id, date(1970, 1, 2)).await.unwrap(), [day(2, 6, 2, 0)]);
    let other = directory(&table.store).await;
    assert_eq!(table.store.days(other, date(1970, 1, 1)).await.unwrap(), []);
}
