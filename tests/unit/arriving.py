"""What documents name already and other parts of the same change bring; empty when they are merged."""

# configuration keys
KEYS = {
    "ablations.larger_search",
    "ablations.rest_em",
    "ablations.revision_verifiers",
    "difficulty.samples",
    "evaluation.noisy_verifiers",
    "exchange.verifier_curves",
    "revision.pairs.temperature",
    "revision.pairs.train_problems",
    "revision.ratios",
    "revision.rest",
    "revision.rest.chains",
    "revision.rest.length",
    "revision.training.checkpoint",
    "revision.training.evaluations_after_rise",
    "search.larger_budgets",
}

# tests, as docs/known_bugs.md and docs/paper.md name them
TESTS = {
    f"{file}::{name}"
    for file, names in {
        "test_search_peers.py": (
            "test_extra_places_go_to_the_best_step_and_not_to_the_first",
            "test_every_step_has_one_score_also_where_the_text_ends_in_a_separator",
            "test_finish_and_scores_stay_with_their_step_where_duplicates_are_dropped",
            "test_no_candidate_is_a_copy_or_an_open_step",
            "test_one_generation_and_one_scoring_call_a_round",
            "test_only_an_end_token_finishes_a_solution",
            "test_problems_with_the_same_question_stay_apart",
            "test_refill_takes_the_best_that_ended_and_not_the_first",
            "test_the_first_round_has_as_many_candidates_as_the_budget",
            "test_the_limit_of_a_solution_binds",
            "test_the_limit_of_rounds_binds",
            "test_the_whole_tree_is_there",
            "test_tokens_are_counted_and_a_rollout_is_part_of_no_candidate",
        ),
        "test_search_exhaustive.py": ("test_lookahead_changes_the_chosen_beam_and_pays_for_it",),
        "test_search_beyond.py": (
            "test_rebase_shares_the_width_by_the_softmax_of_the_scores",
            "test_rebase_shrinks_further_with_every_solution_that_ends",
        ),
        "test_analysis_stages.py": ("test_disjoint_bins_and_outcomes_share_no_sample",),
        "test_evaluate_chains.py": (
            "test_each_verifier_decides_its_own_selection",
            "test_every_ratio_by_brute_force",
            "test_majority_is_flat_and_the_verifier_speaks_once_a_chain",
        ),
        "test_larger_search.py": (
            "test_searches_end_with_the_aggregation_that_is_configured",
            "test_the_larger_policy_is_measured_beside_the_small_one",
        ),
        "test_training.py": (
            "test_checkpoint_rules_on_made_up_curves",
            "test_the_weights_a_little_after_the_rise_are_kept_on_request",
        ),
        "test_verifier_noise.py": (
            "test_a_random_verifier_is_close_to_the_majority_and_not_the_same",
            "test_outcomes_of_a_tiny_pool_by_brute_force",
        ),
        "test_exchange.py": ("test_the_camera_ready_factor_counts_verified_generations",),
        "test_ratios.py": ("test_the_grid_is_the_papers_table",),
        "test_revision.py": (
            "test_nothing_of_the_verdicts_reaches_the_reviser",
            "test_successes_are_as_many_of_each_length",
            "test_successes_by_hand",
        ),
    }.items()
    for name in names
}

# files of workflow/ttc
FILES = {"search/dvts.py", "search/rebase.py", "revision/transitions.py", "verifier_noise.py"}
