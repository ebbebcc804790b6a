use super::*;

#[test]
fn every_metric_is_rendered_with_help_and_type() {
    let metrics = Metrics::default();
    metrics.accepted.add(3);
    let text = metrics.render();
    assert!(text.contains("# TYPE pregao_accepted counter\npregao_accepted 3\n"));
    assert_eq!(text.lines().count() % 3, 0);
}
